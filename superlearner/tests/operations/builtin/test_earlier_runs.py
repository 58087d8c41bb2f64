"""`error why` for a process of an earlier run of its program: its summary from the stored restarts."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from asked_restarts import AT, Inside, crash, next_row
from otp import Agent, Children, Supervisor, exit
from owned_things import call, user
from superlearner.store import MomentRow

BEFORE = "before this run of its program, not counting restarts with a sibling"


class Vans(Supervisor):
    """A supervisor that gives up at the first end."""

    def init(self, arg: Any) -> Children:
        drivers = [Agent.child_spec(int, id=letter, name=f"driver_{letter}") for letter in "ab"]
        return Children(drivers, max_restarts=0)


class Ships(Supervisor):
    """Their supervisor, which restarts it."""

    def init(self, arg: Any) -> Children:
        return Children([Vans.child_spec(None, name="van_sup"), Agent.child_spec(int, id="desk", name="desk")])


@pytest.mark.operation("error.why", "restart.list")
def test_a_stored_give_up_is_found_by_the_processes_that_ended_in_it(inside: Inside, tmp_path: Path) -> None:
    """Regression: an earlier restart of such a process was denied, since the line names the supervisors only."""

    async def before(platform: Any) -> None:
        await platform.node.start(Ships, None, name="ship_sup")
        found = next_row(platform)
        exit(platform.node.whereis("driver_a"), "van_broken")
        assert (await found).line == "van_sup gave up"

    async def after(platform: Any) -> None:
        await platform.node.start(Ships, None, name="ship_sup")
        for name, number in (("driver_a", 1), ("driver_b", 1), ("van_sup", 1), ("desk", 0)):
            for fold in ("true", "false"):
                listed = await platform.get(f"{AT}?process={name}&fold={fold}")
                assert ([one["line"] for one in listed["data"]], listed["meta"]["total"]) == (
                    ["van_sup gave up"] * number, number,
                )  # fmt: skip
            why = (await platform.get(f"/api/v1/processes/{name}/errors/why"))["data"]
            assert ("no earlier restart of its own is stored" in why["earlier"]) == (number == 0)
            assert ("stored" in why) == (number == 1)
            if number:
                assert why["stored"]["ref"] == listed["data"][0]["ref"]
                assert why["stored"]["line"] == (
                    "van_sup gave up: it allows no restarts (last: driver_a crashed: van_broken)"
                )

    inside(before, data_dir=tmp_path)
    inside(after, data_dir=tmp_path)


class Fleet(Supervisor):
    """Its supervisor, which does not give up."""

    def init(self, arg: Any) -> Children:
        return Children([Ships.child_spec(None, name="ship_sup"), Engines.child_spec(None, name="engine_sup")])


class Engines(Supervisor):
    """A supervisor that gives up after a second end, as one of an engine that does not start again."""

    faults: ClassVar[list[str]] = []

    def init(self, arg: Any) -> Children:
        def start() -> int:
            return int(self.faults.pop()) if self.faults else 0

        return Children([Agent.child_spec(start, id="engine", name="engine")], max_restarts=1)


async def _ask(platform: Any, name: str, reader: Any) -> str:
    return (await call(platform.platform, "error.why", reader, pid=name)).data["earlier"] or ""


@pytest.mark.operation("error.why", "restart.list", "restart.show")
def test_what_happened_to_a_process_in_an_earlier_run_is_told_in_full(inside: Inside, tmp_path: Path) -> None:
    """Regression: it was not "restarted then", without its first cause and its requester, or with one too old."""
    ada = user("ada", "teacher")

    async def before(platform: Any) -> None:
        rows: asyncio.Queue[MomentRow] = asyncio.Queue()
        platform.platform.moments.on_moment = rows.put_nowait
        await platform.node.start(Fleet, None, name="fleet")
        exit(platform.node.whereis("driver_a"), "van_broken")
        await rows.get()
        Engines.faults.append("no_fuel")
        Agent.cast(platform.node.whereis("engine"), lambda turns: 1 // turns)
        row = await rows.get()
        (listed, *_) = (await call(platform.platform, "restart.list", ada)).data
        shown = (await call(platform.platform, "restart.show", ada, event=f"{row.run}.{row.number}")).data
        assert listed["where"] == shown["facts"]["where"] and " and " in listed["where"]
        (stored, *_) = (await call(platform.platform, "restart.list", ada, settled=True)).data
        assert (stored["ref"], stored["where"]) == (listed["ref"], listed["where"])
        await call(platform.platform, "process.kill", ada, pid="desk")
        await rows.get()

    async def after(platform: Any) -> None:
        await platform.node.start(Fleet, None, name="fleet")
        told = {name: await _ask(platform, name, ada) for name in ("driver_a", "driver_b", "van_sup", "engine", "desk")}
        straw = "van_sup gave up: it allows no restarts (last: driver_a crashed: van_broken)\n"
        assert f": {straw}driver_a was restarted\n`" in told["driver_a"]
        assert f": {straw}driver_b ended with it and was restarted\n`" in told["driver_b"]
        assert f": {straw}van_sup was restarted\n`" in told["van_sup"]
        place = r"at test_earlier_runs.py:\d+ in [^;\n]*"
        first = rf": engine crashed: ZeroDivisionError\(.*\), {place}\nengine_sup gave up: "
        assert re.search(f"{first}.*no_fuel.*\nengine was restarted\n`", told["engine"])
        request = "your request through test (process.kill)"
        assert f": desk was killed by {request} and restarted\n`" in told["desk"]

    inside(before, data_dir=tmp_path)
    inside(after, data_dir=tmp_path)


@pytest.mark.operation("error.why", "restart.list")
def test_each_kind_of_stored_restart_counts_for_its_own_process(inside: Inside, tmp_path: Path) -> None:
    """Regression: a deadlock of two counted twice for the first, and like a restart on request not for the second."""

    async def test(platform: Any) -> None:
        def store(number: int, line: str, count: int = 1) -> None:
            at = 1_600_000_000.0 + number
            row = MomentRow(platform.node.name, "9f3a0c1b22d4", number, number, at, at, line, count, "7")
            platform.platform.moments._add(row)

        async def ask(name: str) -> str:
            return (await platform.get(f"/api/v1/processes/{name}/errors/why"))["data"]["earlier"]

        store(10, "counter_2 crashed and was restarted; counter_1 crashed and was restarted", 2)
        store(11, "counter_2 crashed and was restarted; counter_1 crashed and was restarted", 2)
        for name in ("counter_1", "counter_2"):
            told = await ask(name)
            assert f"\n{name} was restarted twice {BEFORE}\n`" in told
            assert told.endswith(f" restart list --process {name}` lists what is stored about it")
        line = "counter_1 and printer_1 were restarted on request"
        store(12, line)
        told = await ask("counter_1")
        assert f": {line}\ncounter_1 was restarted 3 times {BEFORE}\n`" in told
        for number in (13, 14):
            store(number, "counter_1 was killed and restarted")
        await crash(platform)
        why = (await platform.get("/api/v1/processes/counter_1/errors/why"))["data"]
        assert why["summary"].endswith(f"\ncounter_1 was restarted 5 times {BEFORE}")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("error.why")
def test_a_failed_start_of_an_earlier_run_is_where_its_process_is_said_to_be_listed(inside: Inside) -> None:
    """Regression: there was no such process, and nothing about what is stored about it."""

    async def test(platform: Any) -> None:
        line = "demo_one_for_one could not start kiosk: no licence"
        row = MomentRow(platform.node.name, "9f3a0c1b22d4", 2, 2, 1.0, 1.0, line, cause="failed_start")
        platform.platform.moments._add(row)
        answer = await platform.client.get("/api/v1/processes/kiosk/errors/why")
        assert answer.status_code == 404
        hint = answer.json()["error"]["details"][0]["hint"]
        assert hint.endswith(" restart list --process kiosk` lists what is stored about it")

    inside(test)
