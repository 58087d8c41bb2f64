"""Processes of the platform itself: only `force` together with the scope `admin` changes them, on every route."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import GenServer, NoReply, Ok, impl
from superlearner.control.names import is_critical
from superlearner.control.terms import plain_pid
from superlearner.operations import PREFIX
from superlearner.operations.declaration import Operation

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
TARGETS = {"process", "supervisor", "child", "name", "registry"}
"""Pickers of the parameters that name a process."""
REFUSED = {"critical_process_protection", "missing_scope"}
HARMLESS = {
    "analytics.baseline", "process.resume", "simulation.cancel", "state.backup", "state.forget", "supervisor.resume",
    "trace.start", "trace.start_group", "trace.stop",
}  # fmt: skip
"""Operations that take nothing from the process that they name: they look at it, or end a suspension."""
SPARES = {"simulation.chaos"}
"""Operations that choose their processes themselves, and spare those of the platform."""
EARLIER = {
    "registry.register": {"conflict"},  # the process has a name already
    "simulation.slow": {"conflict"},  # a plain function
    "simulation.slow_callbacks": {"conflict"},  # a supervisor, or a plain function
    "state.restore": {"backup_not_found"},
    "supervisor.delete_child": {"conflict"},  # it runs
}
"""Refusals for another reason, which an operation may check first."""
NO_SERVER = {"not_a_server"}
"""The refusal of operations on servers that are aimed at a plain function."""
ACTIONS = {"supervisor.bulk_children": "terminate", "process.bulk": "kill"}
VALUES: dict[str, Any] = {
    "changes": {"a": 1}, "children": [], "max_restarts": 7, "message": "increment", "state": 1,
    "start": "superlearner.demo.one_for_one:Counter", "strategy": "one_for_all", "backup_id": "b1",
}  # fmt: skip
"""Values of parameters that name no process, where a text would not do."""
NEEDED = {"changes", "max_restarts", "start", "tag"}
"""Optional parameters without which an operation has nothing to do."""


class Helper(GenServer[Any]):
    """A server that starts a process on request, without a link; the process outlives it."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        request.set_result(otp.spawn(wait))
        return NoReply(state)


async def wait() -> None:
    await otp.receive(otp.Is("end"))


def failure(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def has_target(operation: Operation) -> bool:
    return operation.changes and operation.on_node and any(one.picker in TARGETS for one in operation.parameters)


def aimed(operation: Operation, target: str, child: str) -> dict[str, Any]:
    """Return parameters that aim an operation at a process or, if it takes a supervisor, at one of its children."""
    found: dict[str, Any] = {}
    for one in operation.parameters:
        if one.picker in ("process", "supervisor", "name"):
            found[one.name] = [target] if one.name == "pids" else target
        elif one.picker == "child" or one.name == "target":
            found[one.name] = [child] if one.name == "children" else child
        elif one.picker == "registry":
            found[one.name] = "keys"
        elif one.name == "action":
            found[one.name] = ACTIONS[operation.name]
        elif one.required or one.name in NEEDED:
            found[one.name] = VALUES.get(one.name, "till")
    return found


async def call(platform: Any, operation: Operation, given: dict[str, Any], headers: Any = None) -> Any:
    """Call an operation as REST does; return its answer."""
    rest = dict(given)
    path = re.sub(r"\{(\w+)(:path)?\}", lambda found: rest.pop(found[1]), operation.path)
    places = {one.name: one.place for one in operation.parameters}
    query = {name: rest.pop(name) for name in list(rest) if places[name] == "query"}
    options: dict[str, Any] = {"json": rest} if operation.method != "DELETE" or rest else {}
    return await platform.client.request(operation.method, PREFIX + path, params=query, headers=headers, **options)


def codes_of(answer: Any) -> set[str]:
    """Return the codes with which one target or several were refused; "" for one that was not."""
    if answer.status_code != 200:
        return {answer.json()["error"]["code"]}
    results = answer.json()["data"].get("results", [{"ok": True}])
    return {"" if one["ok"] else one.get("code") or one["error"]["code"] for one in results}


async def token(platform: Any, *scopes: str) -> dict[str, str]:
    """Create a token; return the header with it."""
    await platform.platform.store.sync(30)
    body = {"name": "-".join(scopes), "scopes": scopes}
    made = await platform.client.post(f"{PREFIX}/tokens", json=body, headers=OWNER)
    return {"authorization": f"Bearer {made.json()['data']['secret']}"}


def seen(node: otp.Node) -> list[Any]:
    """Return what no refused operation may change of the platform's processes."""
    return [
        (pid, otp.process_info(pid, "registered_name"), otp.process_info(pid, "status") == "suspended")
        for pid in node.processes()
        if is_critical(pid)
    ]


@pytest.mark.parametrize(
    ("target", "above"),
    [
        ("analytics", "services"),
        ("services", "superlearner"),
        ("playground", "superlearner"),
        ("helper", None),
        ("main", None),
    ],
)
def test_no_operation_changes_a_process_of_the_platform_without_force_and_admin(
    inside: Inside, tmp_path: Path, target: str, above: str | None
) -> None:
    """`helper` has no name, `main` has no supervisor; a new operation that takes a process is tried, too."""

    async def test(platform: Any) -> None:
        node = platform.node
        ada = await token(platform, "read", "operate", "code")
        await otp.Supervisor.start_child(("services", node), otp.Registry.child_spec(keys="unique", name="keys"))
        helper = await otp.Supervisor.start_child(("sandboxes", node), Helper.child_spec(None))
        aim = {"helper": plain_pid(helper), "main": plain_pid(node.processes()[0])}.get(target, target)
        before, tried = seen(node), 0
        for operation in platform.platform.arsenal:
            of_supervisor = any(one.picker == "supervisor" for one in operation.parameters)
            if not has_target(operation) or operation.name in HARMLESS | SPARES or (of_supervisor and above is None):
                continue
            if operation.name == "registry.unregister" and above is None:
                continue  # it has no name
            plain = aimed(operation, str(above if of_supervisor else aim), target)
            forced = {**plain, "force": True} if any(one.name == "force" for one in operation.parameters) else plain
            for headers, given in ((None, plain), (ada, plain), (None, forced), (ada, forced)):
                answer = await call(platform, operation, given, headers)
                may = REFUSED | EARLIER.get(operation.name, set()) | (NO_SERVER if target == "main" else set())
                if given is plain and headers is ada:
                    may -= {"missing_scope"}
                assert codes_of(answer) <= may, (operation.name, given, headers is ada, answer.text[:300])
                tried += 1
        assert tried > 60
        assert seen(node) == before
        assert (await platform.client.get("/health/ready")).status_code == 200

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("process.kill", "process.bulk")
def test_force_with_the_scope_admin_ends_a_service_which_its_supervisor_restarts(
    inside: Inside, tmp_path: Path
) -> None:
    async def test(platform: Any) -> None:
        eve = await token(platform, "read", "operate", "admin")
        for headers in (OWNER, eve):
            before = platform.node.whereis("tracer")
            path = f"{PREFIX}/processes/tracer"
            refused = await platform.client.request("DELETE", path, json={"force": True})
            assert failure(refused) == (403, "missing_scope")
            assert "the scope admin" in refused.json()["error"]["message"]
            assert refused.json()["error"]["details"][0]["hint"].startswith("the owner has it; send a credential")
            killed = await platform.client.request("DELETE", path, json={"force": True}, headers=headers)
            assert killed.json()["data"]["terminated"] is True
            await platform.node.wait_registered("tracer")
            assert platform.node.whereis("tracer") is not before

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("token.create")
def test_only_a_user_with_admin_gives_admin(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        ada = await token(platform, "read", "operate", "code")
        body = {"name": "more", "scopes": ["admin"]}
        refused = await platform.client.post(f"{PREFIX}/tokens", json=body, headers=ada)
        assert failure(refused) == (403, "missing_scope")
        made = await platform.client.post(f"{PREFIX}/tokens", json=body, headers=OWNER)
        assert made.json()["data"]["scopes"] == ["admin"]

    inside(test, data_dir=tmp_path)


def test_ancestry_decides_and_no_name(inside: Inside) -> None:
    async def spawned_by(server: otp.Pid) -> otp.Pid:
        found: asyncio.Future[otp.Pid] = asyncio.get_running_loop().create_future()
        GenServer.cast(server, found)
        return await found

    async def test(platform: Any) -> None:
        node = platform.node
        spec = Helper.child_spec(None, restart="temporary")
        ours = await otp.Supervisor.start_child(("sandboxes", node), Helper.child_spec(None))
        theirs = await otp.Supervisor.start_child(("playground", node), spec)
        our_child, their_child = await spawned_by(ours), await spawned_by(theirs)
        assert [is_critical(pid) for pid in (ours, our_child, theirs, their_child)] == [True, True, False, False]

        body = {"name": "services_2", "pid": plain_pid(theirs)}
        assert (await platform.client.post(f"{PREFIX}/registry/processes", json=body)).status_code == 200
        assert not is_critical(theirs)
        taken = {"name": "counter_9", "pid": plain_pid(our_child)}
        answer = await platform.client.post(f"{PREFIX}/registry/processes", json=taken)
        assert failure(answer) == (403, "critical_process_protection")
        name = f"{PREFIX}/registry/processes/live?force=true"
        assert (await platform.client.delete(name, headers=OWNER)).status_code == 200
        live = next(pid for pid in node.processes() if otp.process_info(pid, "initial_call") == "LivePage")
        assert is_critical(live)

        otp.exit(theirs, "kill")
        await otp.wait_down(theirs)
        assert not is_critical(their_child), "its parent has ended"
        playground = node.whereis("playground")
        otp.exit(playground, "kill")
        await otp.wait_down(playground)
        for name in ("playground", "demo_one_for_one"):
            await node.wait_registered(name)
        assert is_critical(node.whereis("playground"))
        assert [is_critical(pid) for pid in (their_child, node.whereis("demo_one_for_one"))] == [False, False]
        ended = await platform.client.delete(f"{PREFIX}/processes/{plain_pid(their_child)}")
        assert ended.json()["data"]["terminated"] is True

    inside(test)


def test_a_node_without_the_platform_has_no_critical_process_whatever_its_names() -> None:
    async def test() -> list[bool]:
        otp.register("superlearner", otp.self())
        return [is_critical(otp.self()), is_critical(otp.spawn(wait))]

    assert otp.run(test) == [False, False]


@pytest.mark.operation("process.kill", "simulation.chaos", "supervisor.delete_child")
def test_the_demo_is_as_breakable_as_before(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for name in ("counter_1", "demo_one_for_one", "shop"):
            ended = await platform.client.delete(f"{PREFIX}/processes/{name}")
            assert ended.json()["data"]["terminated"] is True
            await platform.node.wait_registered(name)
        before = [pid for pid in platform.node.processes() if is_critical(pid)]
        body = {"kills_per_second": 20, "duration_ms": 100}
        chaos = await platform.client.post(f"{PREFIX}/supervisors/superlearner/simulate/chaos", json=body)
        assert chaos.status_code == 200
        started = platform.node.parse_pid(f"0.{chaos.json()['data']['id'].removeprefix('sim-')}.0")
        await otp.wait_down(started)
        assert all(otp.is_alive(pid) for pid in before)
        at = f"{PREFIX}/supervisors/playground/children/shop"
        assert (await platform.client.post(f"{at}/terminate")).status_code == 200
        assert (await platform.client.delete(at)).status_code == 200

    inside(test)
