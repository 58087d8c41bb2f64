"""Starts on request that failed: what the tree, the events, the problems and the stored restarts tell about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from otp import Children, DynamicSupervisor, GenServer, Ok, StartError, Stop, Supervisor, impl
from superlearner.app.running import Tree

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
AT = "/api/v1/supervisors/front"
KEY = "superlearner/playground/front/Importer"


class Importer(GenServer):
    feed: ClassVar[str] = "{}"

    @impl
    def init(self, arg):
        return Ok(json.loads(self.feed))


class LicensedKiosk(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg) if arg else Stop("no licence")


class Front(Supervisor):
    @impl
    def init(self, arg):
        return Children([Importer.child_spec(0, name="importer")])


TREE = Tree("front", lambda: Front.start_link(None, name="front"))


async def fail_to_start(platform: Any) -> None:
    assert (await platform.client.post(f"{AT}/children/Importer/terminate")).status_code == 200
    Importer.feed = "{"
    answer = await platform.client.post(f"{AT}/children/Importer/restart")
    assert (409, "start_failed") == (answer.status_code, answer.json()["error"]["code"])


async def failed_starts(platform: Any) -> Any:
    path = "/api/v1/events?types=start_failed&last=10&timeout_ms=1"
    return (await platform.get(path, headers={"accept": "application/json"}))["data"]["items"]


@pytest.fixture(autouse=True)
def whole_feed() -> Any:
    yield
    Importer.feed = "{}"


@pytest.mark.operation("system.anomalies", "supervisor.restart_child", "supervisor.delete_child")
@pytest.mark.parametrize("end", ["restart", "delete"])
def test_a_permanent_child_that_failed_to_start_is_a_problem_until_it_runs_or_is_deleted(
    inside: Inside, end: str
) -> None:
    async def problems(platform: Any) -> list[str]:
        found = (await platform.get("/api/v1/system/anomalies"))["data"]["anomalies"]
        return [one["description"] for one in found if one["type"] == "failed_start"]

    async def test(platform: Any) -> None:
        await fail_to_start(platform)
        (told,) = await problems(platform)
        assert told.startswith("importer is stopped; its last start failed: JSONDecodeError(")
        assert ", at test_failed_starts.py:" in told and told.endswith(" in init")
        Importer.feed = "{}"
        if end == "restart":
            await platform.client.post(f"{AT}/children/Importer/restart")
        else:
            await platform.client.delete(f"{AT}/children/Importer")
        assert [] == await problems(platform)

    inside(test, TREE)


@pytest.mark.operation("system.anomalies", "supervisor.start_child")
def test_a_new_child_that_failed_to_start_is_a_problem_and_its_refusal_says_where_and_what_explains_it(
    inside: Inside, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: the refusal had the reason alone, and no list and no log had it."""

    async def problems(platform: Any) -> list[str]:
        found = (await platform.get("/api/v1/system/anomalies"))["data"]["anomalies"]
        return [one["description"] for one in found if one["type"] == "failed_start"]

    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        new = {"start": f"{__name__}:LicensedKiosk", "id": "kiosk", "registered_name": "kiosk", "arg": 0}
        answer = await platform.client.post(f"{AT}/children", json=new)
        error = answer.json()["error"]
        assert (409, "start_failed") == (answer.status_code, error["code"])
        assert error["message"].startswith("the child failed to start: no licence, at test_failed_starts.py:")
        assert error["message"].endswith(" in init")
        assert [one["hint"] for one in error["details"]] == ["`superlearner error why kiosk` explains it"]
        (told,) = await problems(platform)
        assert told.startswith("kiosk could not be started: no licence (init returned Stop), at test_failed_starts.py:")
        (logged,) = [one for one in caplog.records if "could not start" in one.getMessage()]
        assert ("WARNING", "otp.supervisor") == (logged.levelname, logged.name)
        assert logged.getMessage() == "front could not start kiosk on a request: no licence"
        assert (await platform.client.post(f"{AT}/children", json=new | {"arg": 1})).status_code == 200
        assert [] == await problems(platform)

    inside(test, TREE, auth="all")


@pytest.mark.operation("supervisor.restart_child", "events.stream")
def test_a_failed_start_on_request_is_an_event_with_its_line_and_its_request(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        await fail_to_start(platform)
        (told,) = await failed_starts(platform)
        assert told["text"].startswith("front could not start importer on a request over HTTP: JSONDecodeError(")
        assert told["text"].endswith(" in init")
        assert told["data"]["where"].startswith("test_failed_starts.py:")

    inside(test, TREE)


def test_the_line_of_such_a_child_and_the_feed_tell_of_the_failed_start(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        await fail_to_start(platform)
        row = platform.hub.model.rows[KEY]
        assert ("stopped", None, True) == (row.state, row.pid, row.last.start)
        assert row.last.reason.startswith("JSONDecodeError(")
        assert row.last.where.startswith("test_failed_starts.py:")
        # What a page gets that is opened later
        (slot,) = platform.hub.reader.children(platform.node.whereis("front"), 0, 9)[0]
        assert (row.last.reason, row.last.where, True) == (slot.last.reason, slot.last.where, slot.last.start)
        newest = platform.hub.feed.entries()[-1]
        assert newest.text.startswith("front could not start importer on a request over HTTP: JSONDecodeError(")
        Importer.feed = "{}"
        await platform.client.post(f"{AT}/children/Importer/restart")
        row = platform.hub.model.rows[KEY]
        assert ("running", "shutdown", False) == (row.state, row.last.reason, row.last.start)
        viewer.close()

    inside(test, TREE)


@pytest.mark.operation("events.stream")
def test_a_child_that_a_dynamic_supervisor_could_not_start_is_in_the_timeline_and_the_feed(inside: Inside) -> None:
    """Regression: only the caller knew of it."""

    async def test(platform: Any) -> None:
        viewer = platform.hub.attach()
        Importer.feed = "{"
        with pytest.raises(StartError):
            await DynamicSupervisor.start_child("rooms", Importer.child_spec(0))
        (told,) = await failed_starts(platform)
        assert told["text"].startswith("rooms could not start Importer: JSONDecodeError(")
        newest = platform.hub.feed.entries()[-1]
        assert newest.text.startswith("rooms could not start Importer: JSONDecodeError(")
        viewer.close()

    inside(test, Tree("rooms", lambda: DynamicSupervisor.start_link(name="rooms")))
