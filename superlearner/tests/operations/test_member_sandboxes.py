"""Sandboxes on a chosen member: what is refused, what happens if the member is lost meanwhile, and quotas."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import otp
from otp.distribution.faults import Cut
from owned_things import attaching, call, user
from superlearner.operations.failures import OperationError
from two_members import BEARER, B, Inside, clustered


async def create(platform: Any, node: str, id: str = "demo", **more: Any) -> tuple[int, str, str, str]:
    """Create a sandbox; return the status, and code, message and hint of the error."""
    body = {"sandbox_id": id, "node": node, "template": "counter", **more}
    answer = await platform.client.post("/api/v1/sandboxes", json=body, headers=BEARER)
    error = answer.json()["error"]
    hints = [one["hint"] for one in error["details"]]
    return answer.status_code, error["code"], error["message"], " ".join(filter(None, hints))


def test_a_node_that_is_no_member_is_refused_with_the_members(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        hint = "leave out node: this platform is in no cluster"
        status, code, words, _ = await create(platform, "m7")
        assert (404, "node_not_found", "there is no node 'm7'") == (status, code, words)
        async with otp.Node("till@127.0.0.1") as till:
            platform.platform.nodes.attach(till)
            what = "till@127.0.0.1, which is another node of the platform's program"
            words = f"node: expected a member of the cluster, got {what}"
            assert (422, "validation_error", words, hint) == await create(platform, "till")
        async with clustered(platform, tmp_path) as both:
            home = platform.platform.node.name
            for node, where in ((home, ""), ("b", f" on {B}")):
                body = {"sandbox_id": "demo", "node": node, "template": "counter"}
                answer = await platform.client.post("/api/v1/sandboxes?dry_run=true", json=body, headers=BEARER)
                would = f"start the sandbox demo with the template A counter that can crash{where}"
                assert would == answer.json()["data"]["would"]
            status, code, words, _ = await create(platform, "c")
            assert (404, "node_not_found") == (status, code)
            words = f"{B} starts no sandboxes; choose a member that was started by `superlearner node`"
            assert (503, "service_unavailable", words) == (await create(platform, "b"))[:3]
            await both.there.drain()
            words = f"{B} is leaving the cluster"
            assert (503, "node_unavailable", words, f"expected one of {home}, {B}") == await create(platform, "b")
            await both.there.leave()
            await both.until_nodes(lambda names: B not in names)
            status, code, words, _ = await create(platform, "b")
            assert (404, "node_not_found", True) == (status, code, words.startswith(f"{B} left the cluster at "))
        assert not platform.platform.sandboxes.all()

    inside(test)


def test_a_simulated_member_is_refused(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await platform.client.post("/api/v1/cluster/simulation", json={"nodes": 3}, headers=BEARER)
        words = "n2@simulated is simulated inside the platform, so it has no program to start a sandbox"
        assert (409, "conflict", words) == (await create(platform, "n2"))[:3]
        await platform.client.post("/api/v1/cluster/simulation/fail", json={"node": "n2"}, headers=BEARER)
        assert (409, "conflict", words) == (await create(platform, "n2"))[:3]

    inside(test)


def test_a_short_name_is_that_of_a_connected_member_before_one_that_was_simulated(
    inside: Inside, tmp_path: Path
) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path):
            platform.platform.members.problems["b@simulated"] = "it was simulated"
            body = {"sandbox_id": "demo", "node": "b", "template": "counter"}
            answer = await platform.client.post("/api/v1/sandboxes?dry_run=true", json=body, headers=BEARER)
            assert answer.json()["data"]["would"].endswith(f" on {B}")

    inside(test)


def test_a_member_that_is_lost_while_a_sandbox_starts_on_it_is_named(
    inside: Inside, nodes_here: Any, tmp_path: Path
) -> None:
    async def test(platform: Any) -> None:
        launcher = Slow()
        async with clustered(platform, tmp_path, launcher) as both:
            starting = asyncio.ensure_future(create(platform, "b"))
            owner = await launcher.begun
            platform.platform.members.cluster.distribution.member_transport.inject(Cut(B))
            words = f"{B} was lost while demo was starting on it"
            assert (503, "service_unavailable", words) == (await starting)[:3]
            await otp.wait_down(owner)  # on the member, too
            assert not platform.platform.sandboxes.all()
            await both.until_nodes(lambda names: B not in names)
            status, code, words, _ = await create(platform, "b")
            assert (503, "node_unavailable", True) == (status, code, words.startswith(f"{B} has been lost since "))

    inside(test)


class Slow:
    """A launcher on a member whose programs never become ready."""

    def __init__(self) -> None:
        self.begun: asyncio.Future[otp.Pid] = asyncio.get_running_loop().create_future()

    async def launch(self, sandbox: Any, notice: Any) -> Any:
        self.begun.set_result(otp.self())
        await otp.receive(otp.Is("never"))

    def close(self) -> None:
        pass


def test_a_quota_counts_the_sandboxes_of_a_user_on_all_members(inside: Inside, nodes_here: Any, tmp_path: Path) -> None:
    async def test(inside_: Any) -> None:
        platform = inside_.platform
        await platform.store.sync(30)
        row = await platform.accounts.add("tim", "teacher")
        tim = user("tim", "teacher", row.id)
        platform.sandboxes.launcher = attaching(nodes_here, platform)

        async def begin(id: str, node: str | None, **limits: int) -> Any:
            given = {"sandbox_id": id, "demo": "demo_one_for_one", "source": None, "limits": limits}
            return (await call(platform, "sandbox.create", tim, node=node, **given)).data

        async with clustered(inside_, tmp_path):
            assert "member" not in await begin("s0", None, memory_mb=64)
            assert B == (await begin("s1", "b", memory_mb=64))["member"]
            with pytest.raises(OperationError, match="the sandboxes of tim have 128 of 400 MB of memory") as raised:
                await begin("s2", "b", memory_mb=300)
            assert "quota_exceeded" == raised.value.code
            await begin("s2", "b", memory_mb=64)
            await begin("s3", None, memory_mb=64)
            for node in (None, "b"):
                with pytest.raises(OperationError, match="tim has 4 of 4 sandboxes: s") as raised:
                    await begin("s4", node, memory_mb=64)
                assert "quota_exceeded" == raised.value.code

    inside(test, data_dir=tmp_path, discovery="none", quota_sandboxes=1, quota_memory_mb=100)


def test_a_user_with_only_own_things_chooses_no_member(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path):
            with pytest.raises(OperationError, match="to choose a member of the cluster needs the scope") as raised:
                await call(
                    platform.platform, "sandbox.create", user("bob", "learner"), sandbox_id="b", node="b",
                    template="counter", source=None, demo=None,
                )  # fmt: skip
            assert "missing_scope" == raised.value.code

    inside(test)
