"""Members that come and go, as events and in the log; what answers about a cluster show and hide."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import pytest

from otp.distribution.faults import Cut
from two_members import COOKIE, B, Both, Inside, clustered

N1, N2 = "n1@simulated", "n2@simulated"
TYPE = "cluster_changed"


async def changes(platform: Any, count: int, after: str | None = None) -> dict[str, Any]:
    """Return the next changes of the cluster after a place in the stream of events, and its new place."""
    place = "last=100" if after is None else f"last_id={after}"
    answer = await platform.client.get(
        f"/api/v1/events?types={TYPE}&{place}&limit={count}&timeout_ms=20000", headers={"accept": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]
    assert [count, "limit"] == [len(found["items"]), found["ended"]]
    return found


def facts(change: dict[str, Any], *names: str) -> list[Any]:
    assert (TYPE, change["data"]["member"]) == (change["type"], change["name"])
    return [change["data"][name] for name in ("member", "what", *names)]


@pytest.mark.operation("events.stream")
def test_a_stream_of_changes_names_who_came_and_went(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        home = platform.platform.node.name
        async with clustered(platform, tmp_path):
            found = await changes(platform, 1)
            [came] = found["items"]
            assert [B, "found", [home, B], [], "healthy"] == facts(came, "members", "lost", "partition_status")
            assert (f"{B} was found", None) == (came["text"], came["data"]["reason"])
            platform.platform.members.cluster.distribution.member_transport.inject(Cut(B))
            found = await changes(platform, 1, found["last_id"])
            [lost] = found["items"]
            assert [B, "lost", [home], [B], "minority_partition"] == facts(lost, "members", "lost", "partition_status")
            assert f"{B} is lost: {lost['data']['reason']}" == lost["text"]
            assert came["data"]["incarnation"] == lost["data"]["incarnation"] > 0

    inside(test)


@pytest.mark.operation("events.stream")
def test_a_member_that_leaves_is_announced_before_it_is_gone(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            place = (await changes(platform, 1))["last_id"]
            await both.there.leave()
            leaving, left = (await changes(platform, 2, place))["items"]
            home = platform.platform.node.name
            assert [B, "leaving", [home, B]] == facts(leaving, "members")
            assert [B, "left", [home], [], "healthy"] == facts(left, "members", "lost", "partition_status")
            assert f"{B} has left the cluster" == left["text"]

    inside(test)


@pytest.mark.operation("events.stream")
def test_the_stream_has_simulated_members(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        both = Both(platform, None, None)  # type: ignore[arg-type]
        await both.get("/simulation", method="POST", json={"nodes": 2})
        found = await changes(platform, 2)
        assert [[N1, "joined"], [N2, "joined"]] == [facts(one) for one in found["items"]]
        await both.get("/simulation/fail", method="POST", json={"node": "n2"})
        await both.get("/simulation/restart", method="POST", json={"node": "n2"})
        found = await changes(platform, 2, found["last_id"])
        failed, back = found["items"]
        names = ("members", "lost", "partition_status")
        assert [N2, "lost", [N1], [N2], "minority_partition"] == facts(failed, *names)
        assert [N2, "joined", [N1, N2], [], "healthy"] == facts(back, *names)
        await both.get("/simulation", method="DELETE")
        ended = (await changes(platform, 2, found["last_id"]))["items"]
        assert [[N1, "left", [N2]], [N2, "left", []]] == [facts(one, "members") for one in ended]

    inside(test)


def test_the_log_names_members_that_join_and_leave(
    inside: Inside, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            await both.there.leave()
            await both.until_nodes(lambda names: B not in names)

    with caplog.at_level(logging.INFO):
        inside(test)
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith(B)]
    assert [f"{B} was found", f"{B} has left the cluster"] == said


@pytest.mark.operation("cluster.topology", "cluster.health", "cluster.node_info", "cluster.events", "node.list")
@pytest.mark.operation("cluster.export")
def test_no_answer_about_the_cluster_has_the_cookie_or_a_hash_of_it(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path):
            texts = [
                (await platform.client.get(f"/api/v1{path}")).text
                for path in (
                    "/cluster/topology?include_processes=true", "/cluster/health?include_history=true",
                    f"/cluster/nodes/{B}/info?include_processes=true", "/cluster/events", "/cluster/names", "/nodes",
                    "/cluster/export",
                )
            ]  # fmt: skip
            assert all(B in text for text in texts if "entries" not in text)
        hashes = [hashlib.new(name, COOKIE.encode()) for name in ("md5", "sha1", "sha256", "sha512", "blake2b")]
        secrets = [COOKIE, *(one.hexdigest()[:16] for one in hashes)]
        assert [] == [(secret, text) for secret in secrets for text in texts if secret in text.lower()]

    inside(test)


@pytest.mark.operation("cluster.processes")
def test_processes_of_all_members_come_with_their_details(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with clustered(platform, tmp_path) as both:
            [till] = (await both.get(f"/processes?node={B}&search=till"))["processes"]
            expected = {"node": B, "name": "till", "type": "genserver", "what": "Till", "supervisor_name": "kiosk"}
            assert expected == {name: till[name] for name in expected}
            assert (0, 0) == (till["message_queue_len"], till["restarts"])
            assert {"current_function", "links", "monitors", "started_at"} <= set(till)

    inside(test)
