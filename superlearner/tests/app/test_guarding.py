"""Services that are missing or suspended: health and an anomaly say so, and the missing ones come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Stop, Supervisor, impl
from otp.testing import Scheduler, advance, wait_all_idle
from superlearner.app.guarding import GUARDIAN, Guard, Guardian
from superlearner.app.keeping import Keeper
from superlearner.control.terms import plain_pid

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
API = "/api/v1"


async def health(platform: Any) -> tuple[str, list[str], list[str]]:
    found = (await platform.get(f"{API}/system/health"))["data"]
    return found["status"], found["missing"], found["suspended"]


async def do(platform: Any, method: str, path: str) -> None:
    answer = await platform.client.request(method, f"{API}{path}", json={"force": True}, headers=OWNER)
    assert answer.status_code == 200, answer.text


async def anomalies(platform: Any) -> list[tuple[str, str, bool]]:
    shown = (await platform.get(f"{API}/system/anomalies?ended=true"))["data"]["anomalies"]
    return [(one["type"], one["name"], one["active"]) for one in shown]


@pytest.mark.operation("system.health", "system.anomalies", "supervisor.terminate_child")
@pytest.mark.parametrize(
    ("supervisor", "id"),
    [
        ("services", "analytics"),
        ("services", "caretaker"),
        ("superlearner", GUARDIAN),
        ("superlearner", "services"),
        ("superlearner", "playground"),
        ("superlearner", "web"),
    ],
)
def test_a_service_that_was_ended_for_good_is_reported_and_comes_back(inside: Inside, supervisor: str, id: str) -> None:
    async def test(platform: Any) -> None:
        assert await health(platform) == ("healthy", [], [])
        before = platform.node.whereis(id)
        await do(platform, "POST", f"/supervisors/{supervisor}/children/{id}/terminate")
        assert await health(platform) == ("degraded", [id], [])
        assert await anomalies(platform) == [("missing_service", id, True)]
        await platform.node.wait_registered(id)
        await Supervisor.count_children((supervisor, platform.node))
        assert platform.node.whereis(id) is not before
        assert await health(platform) == ("healthy", [], [])
        assert await anomalies(platform) == [("missing_service", id, False)]

    inside(test)


@pytest.mark.operation("supervisor.delete_child")
def test_a_service_whose_slot_was_deleted_comes_back(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        at = "/supervisors/services/children/tracer"
        await do(platform, "POST", f"{at}/terminate")
        refused = await platform.client.delete(f"{API}{at}")
        assert refused.json()["error"]["code"] == "critical_process_protection"
        await do(platform, "DELETE", f"{at}?force=true")
        assert await health(platform) == ("degraded", ["tracer"], [])
        await platform.node.wait_registered("tracer")
        await Supervisor.count_children(("services", platform.node))
        assert await health(platform) == ("healthy", [], [])

    inside(test)


@pytest.mark.operation("process.suspend", "process.resume")
def test_a_suspended_service_is_reported_until_it_is_resumed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await do(platform, "POST", "/processes/tracer/suspend")
        assert await health(platform) == ("degraded", [], ["tracer"])
        assert await anomalies(platform) == [("suspended_service", "tracer", True)]
        answer = await platform.client.post(f"{API}/processes/tracer/resume")
        assert answer.status_code == 200, "anybody may resume it"
        assert await health(platform) == ("healthy", [], [])

    inside(test)


async def claims(name: str, done: Any) -> None:
    """Take a name in every way that a process has, while no service has it."""
    otp.register(name, otp.self())
    done.set_result([otp.whereis(name), await Squatter.start(None, name=name), otp.whereis(name)])
    await otp.receive(otp.Is("end"))


class Squatter(GenServer[None]):
    @impl
    def init(self, arg: None) -> Ok[None]:
        return Ok(None)


class Claimer(GenServer[None]):
    """A server that starts `claims` on request."""

    @impl
    def init(self, arg: None) -> Ok[None]:
        return Ok(None)

    @impl
    def handle_cast(self, request: Any, state: None) -> NoReply[None]:
        otp.spawn(claims, *request)
        return NoReply(state)


@pytest.mark.operation("registry.register")
@pytest.mark.parametrize(("supervisor", "id"), [("services", "tracer"), ("superlearner", GUARDIAN)])
def test_no_other_process_takes_the_name_of_a_service_that_is_missing(
    inside: Inside, supervisor: str, id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: a process of the demo could take it, and the service did not come back."""

    async def test(platform: Any) -> None:
        claimer = Claimer.child_spec(None, id="claimer")
        started = await Supervisor.start_child(("demo_one_for_one", platform.node), claimer)
        number = plain_pid(started)
        await do(platform, "POST", f"/supervisors/{supervisor}/children/{id}/terminate")
        done = asyncio.get_running_loop().create_future()
        GenServer.cast(started, (id, done))
        before, squatter, after = await done
        assert (before, after) == (None, None)
        assert otp.is_alive(squatter)
        assert f"lost the name {id} at once" in caplog.text
        asked = {"name": id, "pid": number}
        answer = await platform.client.post(f"{API}/registry/processes", json=asked, headers=OWNER)
        assert answer.json()["error"]["message"] == f"the name {id} is reserved for a service of the platform"
        assert await health(platform) == ("degraded", [id], [])
        await platform.node.wait_registered(id)
        await Supervisor.count_children((supervisor, platform.node))
        assert await health(platform) == ("healthy", [], [])
        other = {"name": "mine", "pid": number}
        answer = await platform.client.post(f"{API}/registry/processes", json=other, headers=OWNER)
        assert answer.status_code == 200

    inside(test)


class Service(GenServer[None]):
    """A server that does not start while its reason is set."""

    @impl
    def init(self, why: list[str]) -> Ok[None] | Stop:
        return Stop(why[0]) if why else Ok(None)


class Services(Supervisor):
    @impl
    def init(self, arg: tuple[Guard, list[str]]) -> Children:
        guard, why = arg
        children = [Service.child_spec(why, id="service", name="service")]
        guard.expect("services", children)
        return Children(children)


def test_a_service_that_does_not_start_is_tried_again_after_longer_and_longer_pauses() -> None:
    async def main() -> None:
        node, why, reports = otp.node(), list[str](), list[float]()
        guard = Guard(Keeper(), lambda: reports.append(otp.monotonic()))
        above = await node.start(Services, (guard, why), name="services")
        guard.watch(node)
        await node.start(Guardian, guard, name=GUARDIAN)
        begun = otp.monotonic()
        why.append("no disk")
        await Supervisor.terminate_child(above, "service")
        assert [gap.name for gap in guard.gaps()] == ["service"]
        await advance(16)
        assert [round(at - begun) for at in reports] == [1, 3, 7, 15]
        why.clear()
        await advance(16)
        assert (guard.gaps(), node.whereis("service") is None) == ([], False)
        assert len(reports) == 5
        await Supervisor.terminate_child(above, "service")
        await advance(1)
        await wait_all_idle()
        assert guard.gaps() == [], "the pause is short again"
        guard.close()
        await Supervisor.terminate_child(above, "service")
        await advance(60)
        assert node.whereis("service") is None, "the platform stops"

    Scheduler(seed=1).run(main)


def test_a_crash_that_the_supervisor_handles_is_not_reported() -> None:
    async def main() -> None:
        node, reports = otp.node(), list[float]()
        guard = Guard(Keeper(), lambda: reports.append(otp.monotonic()))
        await node.start(Services, (guard, []), name="services")
        guard.watch(node)
        await node.start(Guardian, guard, name=GUARDIAN)
        otp.exit("service", "kill")
        await advance(60)
        assert (guard.gaps(), reports) == ([], [])

    Scheduler(seed=1).run(main)
