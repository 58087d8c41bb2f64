"""The fleet is a value: every order of events can be tried. The world of the last test does things at random times."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superlearner.sandbox.fleet import MOST_ENDED, Fleet, after
from superlearner.sandbox.happenings import (
    Action,
    Change,
    Checked,
    Create,
    Destroy,
    FleetAnswer,
    FleetEvent,
    FleetRefused,
    Forsaken,
    Kill,
    Launch,
    NotReloaded,
    NotStarted,
    ProgramEnded,
    Reload,
    Reloaded,
    Restart,
    Resumed,
    Started,
    StillThere,
    Stop,
    StopAll,
    Tell,
)
from superlearner.sandbox.record import MOST_VERSIONS, Configuration, Limits, ProgramFacts
from superlearner.sandbox.source import Source

ONE = Source("class Main(Supervisor): ...", "Main")
TWO = Source("class Main(Supervisor): pass", "Main")
TYPED = Configuration("source")
FACTS = ProgramFacts(4711, "0.9.0", ())


def create(id: str = "a", owner: str = "ada", source: Source | None = ONE, **limits: Any) -> Create:
    typed = replace(TYPED, limits=Limits(**limits))
    return Create(("caller", id), id, owner, f"sandbox-{id}@127.0.0.1", typed, source)


def happened(*events: FleetEvent, fleet: Fleet | None = None, now: float = 100.0) -> tuple[Fleet, list[Action]]:
    """The fleet after these, and what followed from the last."""
    fleet, actions = fleet or Fleet(), []
    for event in events:
        fleet, actions = after(fleet, event, now)
    return fleet, actions


def running(*more: FleetEvent, **limits: Any) -> tuple[Fleet, list[Action]]:
    return happened(create(**limits), Started("a", 1, FACTS), *more)


def answers(actions: list[Action]) -> dict[Any, Any]:
    return {one.caller: one.answer for one in actions if isinstance(one, FleetAnswer)}


def refused(actions: list[Action]) -> str:
    (answer,) = answers(actions).values()
    assert isinstance(answer, FleetRefused)
    return answer.code


def test_a_create_is_answered_when_the_tree_runs() -> None:
    fleet, actions = happened(create())
    assert [Launch] == [type(one) for one in actions]
    fleet, actions = happened(Started("a", 1, FACTS), fleet=fleet)
    answer = answers(actions)["caller", "a"]
    assert ("running", 4711, "0.9.0", 0) == (answer.status, answer.os_pid, answer.supervisor_pid, answer.restart_count)


def test_a_first_run_is_the_owners_and_needs_no_name() -> None:
    """Regression: the notice of a sandbox of a module, whose source is not known, ended with "by ada"."""
    for source in (ONE, None):
        (told,) = [one for one in happened(create(source=source), Started("a", 1, FACTS))[1] if isinstance(one, Tell)]
        assert told.text == "sandbox a runs as sandbox-a@127.0.0.1"


def test_a_sandbox_that_never_started_leaves_its_id_free() -> None:
    fleet, actions = happened(create(), NotStarted("a", 1, "start_failed", "NameError"))
    assert refused(actions) == "start_failed"
    assert fleet.sandboxes == {}


def test_a_start_that_a_request_ended_is_no_mistake_of_its_code() -> None:
    """Regression: it counted as a failed run of the learner."""
    for ends in (Destroy("d", "a"), StopAll("t", frozenset({"ada"}), "the lesson is over")):
        _, actions = happened(create(), ends, NotStarted("a", 1, "start_failed", "killed"))
        _, all_of = happened(create(), ends)
        refusals = [one for one in (*all_of, *actions) if isinstance(one, FleetAnswer)]
        assert ["conflict"] == [one.answer.code for one in refusals if isinstance(one.answer, FleetRefused)]


def test_two_of_one_id_are_refused() -> None:
    assert refused(happened(create(), create())[1]) == "sandbox_already_exists"


def test_beyond_the_limit_none_starts_and_what_ended_does_not_count() -> None:
    fleet, actions = happened(create("a"), create("b"), create("c"), fleet=Fleet(most=2))
    assert refused(actions) == "conflict"
    fleet, actions = happened(Started("a", 1, FACTS), ProgramEnded("a", 1, "loop"), create("c"), fleet=fleet)
    assert [Launch] == [type(one) for one in actions]
    assert refused(happened(Restart("r", "a", "ada"), fleet=fleet)[1]) == "conflict"


def test_an_end_leaves_the_record_with_its_reason() -> None:
    fleet, actions = running(ProgramEnded("a", 1, "it held the loop for 3 s"))
    ended = fleet.sandboxes["a"]
    assert ("ended", "it held the loop for 3 s", None) == (ended.status, ended.reason, ended.os_pid)
    assert [Tell] == [type(one) for one in actions]


def test_a_restart_waits_for_the_old_program_and_keeps_the_configuration() -> None:
    fleet, actions = running(Restart("r", "a", "ada"))
    assert [Stop] == [type(one) for one in actions]
    fleet, actions = happened(ProgramEnded("a", 1, "stopped"), fleet=fleet)
    (launch,) = [one for one in actions if isinstance(one, Launch)]
    assert (2, 1, TYPED) == (launch.sandbox.run, launch.sandbox.restart_count, launch.sandbox.configuration)
    fleet, actions = happened(Started("a", 2, FACTS), fleet=fleet)
    assert answers(actions)["r"].status == "running"


def test_a_start_that_failed_is_no_restart() -> None:
    """Regression: each *Run* of code that did not start counted as a restart of the sandbox."""
    fleet, _ = running(ProgramEnded("a", 1, "loop"))
    for run in (2, 3):
        fleet, actions = happened(Restart("r", "a", "ada"), NotStarted("a", run, "start_failed", "no"), fleet=fleet)
        assert refused([one for one in actions if isinstance(one, FleetAnswer)]) == "start_failed"
        assert (fleet.sandboxes["a"].restart_count, fleet.sandboxes["a"].status) == (0, "ended")
    fleet, _ = happened(Restart("r", "a", "ada"), Started("a", 4, FACTS), fleet=fleet)
    assert fleet.sandboxes["a"].restart_count == 1


def test_a_restart_kills_what_does_not_stop() -> None:
    _, actions = running(Restart("r", "a", "ada"), StillThere("a", 1))
    assert [Kill] == [type(one) for one in actions]


def test_an_ended_sandbox_restarts_with_another_source() -> None:
    _, actions = running(ProgramEnded("a", 1, "loop"), Restart("r", "a", "ada", TWO))
    (launch,) = actions
    assert isinstance(launch, Launch)
    assert TWO == launch.sandbox.source
    assert [1, 2] == [one.number for one in launch.sandbox.versions]


def test_a_restart_that_fails_keeps_the_record() -> None:
    fleet, actions = running(
        ProgramEnded("a", 1, "x"), Restart("r", "a", "ada"), NotStarted("a", 2, "start_failed", "boom")
    )
    assert refused(actions) == "start_failed"
    assert ("ended", "boom") == (fleet.sandboxes["a"].status, fleet.sandboxes["a"].reason)


def test_destroy_stops_in_order_and_then_it_is_gone() -> None:
    fleet, actions = running(Destroy("d", "a"))
    assert [Stop] == [type(one) for one in actions]
    fleet, actions = happened(
        ProgramEnded("a", 1, "its tree gave up"), fleet=fleet
    )  # as one that is asked to stop does
    assert fleet.sandboxes == {}
    assert answers(actions)["d"].reason == "it was destroyed"


def test_destroy_is_refused_when_it_does_not_stop_and_force_kills_it() -> None:
    fleet, actions = running(Destroy("d", "a"), StillThere("a", 1))
    assert refused(actions) == "sandbox_busy"
    fleet, actions = happened(Destroy("f", "a", force=True), fleet=fleet)
    assert [Kill] == [type(one) for one in actions]
    fleet, actions = happened(ProgramEnded("a", 1, "killed"), fleet=fleet)
    assert list(answers(actions)) == ["f"]
    assert fleet.sandboxes == {}


def test_destroying_a_starting_sandbox_answers_both_callers() -> None:
    fleet, actions = happened(create(), Destroy("d", "a"))
    assert [Kill] == [type(one) for one in actions]
    fleet, actions = happened(ProgramEnded("a", 1, "killed"), fleet=fleet)
    assert {("caller", "a"), "d"} == set(answers(actions))
    assert fleet.sandboxes == {}


def test_a_reload_makes_a_version_only_if_it_succeeds() -> None:
    fleet, actions = running(Reload("h", "a", "ada", TWO))
    assert [Change] == [type(one) for one in actions]
    kept, actions = happened(NotReloaded("a", 1, "code_change: KeyError"), fleet=fleet)
    assert (refused(actions), kept.sandboxes["a"].current) == ("upgrade_refused", 1)
    fleet, actions = happened(Reloaded("a", 1, "ada", {"servers": 1}), fleet=fleet)
    assert ({"servers": 1}, 2) == (answers(actions)["h"], fleet.sandboxes["a"].current)


@pytest.mark.parametrize(
    "event", [NotReloaded("a", 1, "its tree has ended", ended=True), ProgramEnded("a", 1, "its tree gave up")], ids=repr
)
def test_a_reload_of_a_sandbox_that_ends_says_to_restart_it(event: Any) -> None:
    """Regression: the code was the one of a wrong source, so that no page could know to start it."""
    fleet, _ = running(Reload("h", "a", "ada", TWO))
    _, actions = happened(event, fleet=fleet)
    answer = answers(actions)["h"]
    assert ("conflict", "restart it with this source") == (answer.code, answer.hint)


def test_the_source_that_runs_is_not_loaded_again() -> None:
    fleet, actions = running(Reload("h", "a", "ada", ONE))
    assert {"h": None} == dict.fromkeys(answers(actions))
    assert fleet.sandboxes["a"].versions[-1].number == 1


def test_a_version_before_becomes_current_again_without_a_new_number() -> None:
    fleet, _ = running(Reload("h", "a", "ada", TWO), Reloaded("a", 1, "ada", {}))
    fleet, _ = happened(Reload("h", "a", "ada", ONE), Reloaded("a", 1, "ada", {}), fleet=fleet)
    assert (1, 2) == (fleet.sandboxes["a"].current, len(fleet.sandboxes["a"].versions))


def test_the_last_versions_are_kept() -> None:
    fleet, _ = running()
    for number in range(15):
        source = Source(f"class Main(Supervisor): x = {number}", "Main")
        fleet, _ = happened(Reload("h", "a", "ada", source), Reloaded("a", 1, "ada", {}), fleet=fleet)
    versions = fleet.sandboxes["a"].versions
    assert (MOST_VERSIONS, 16) == (len(versions), versions[-1].number)


@pytest.mark.parametrize("asked", [Restart("x", "a", "ada"), Reload("x", "a", "ada", TWO)], ids=["restart", "reload"])
def test_one_thing_at_a_time(asked: FleetEvent) -> None:
    assert refused(running(Reload("h", "a", "ada", TWO), asked)[1]) == "sandbox_busy"
    assert refused(happened(create(), asked)[1]) == "sandbox_busy"


def test_an_idle_sandbox_is_stopped_with_the_reason() -> None:
    fleet, actions = running(idle_s=60)
    fleet, actions = after(fleet, Checked({"a": 120.0}), 179.0)
    assert actions == []
    fleet, actions = after(fleet, Checked({}), 180.0)
    assert [Stop] == [type(one) for one in actions]
    fleet, _ = after(fleet, ProgramEnded("a", 1, "it shut down"), 181.0)
    assert fleet.sandboxes["a"].reason == "it was idle for 1 min"


def test_a_sandbox_is_not_idle_while_the_platform_stands_still() -> None:
    """Regression: after a night of a suspended laptop, all sandboxes were stopped as idle."""
    fleet, _ = running(idle_s=60)
    fleet, actions = after(fleet, Checked({"a": 120.0}, stood_still=3600.0), 3750.0)
    assert actions == []
    fleet, actions = after(fleet, Checked({"a": 120.0}), 3779.0)
    assert actions == []
    fleet, actions = after(fleet, Checked({"a": 120.0}), 3780.0)
    assert [Stop] == [type(one) for one in actions]


def test_a_sandbox_does_not_outlive_its_life_time() -> None:
    fleet, _ = running(idle_s=0, lifetime_s=3600)
    assert after(fleet, Checked({"a": 3690.0}), 3699.0)[1] == []
    assert [Stop] == [type(one) for one in after(fleet, Checked({"a": 3699.0}), 3700.0)[1]]


def test_the_life_time_of_a_sandbox_excludes_standstills_of_the_platform() -> None:
    """Regression: sandboxes whose time ended during a night of a suspended laptop were stopped in the morning."""
    fleet, _ = running(idle_s=0, lifetime_s=3600)
    fleet, actions = after(fleet, Checked({}, stood_still=4000.0), 4150.0)
    assert actions == []
    assert after(fleet, Checked({"a": 3690.0}), 7699.0)[1] == []
    assert [Stop] == [type(one) for one in after(fleet, Checked({"a": 3699.0}), 7700.0)[1]]


def test_sandboxes_of_a_removed_owner_are_removed() -> None:
    fleet, _ = running()
    fleet, _ = happened(create("b", "bob"), Started("b", 1, FACTS), fleet=fleet)
    fleet, actions = happened(Forsaken("ada"), fleet=fleet)
    assert [("a", "its owner ada is gone")] == [(one.sandbox.id, one.why) for one in actions if isinstance(one, Kill)]
    fleet, _ = happened(ProgramEnded("a", 1, "killed"), fleet=fleet)
    assert ["b"] == list(fleet.sandboxes)


def test_the_sandboxes_of_some_owners_stop_and_keep_their_code() -> None:
    fleet, _ = running()
    fleet, _ = happened(create("b", "bob"), Started("b", 1, FACTS), create("c"), fleet=fleet)
    fleet, _ = happened(create("d"), Started("d", 1, FACTS), Restart("r", "d", "ada"), fleet=fleet)
    fleet, actions = happened(StopAll("t", frozenset({"ada"}), "over"), fleet=fleet)
    assert [("a", Stop), ("c", Kill)] == [
        (one.sandbox.id, type(one)) for one in actions if isinstance(one, Stop | Kill)
    ]
    told = answers(actions)
    assert ("a", "c", "d") == told["t"]
    assert ["over", "over"] == [told["caller", "c"].message, told["r"].message]
    ends = [ProgramEnded(id, 1, "shutdown") for id in "acd"]
    fleet, actions = happened(*ends, fleet=fleet)
    assert [("ended", "over")] * 3 == [(fleet.sandboxes[id].status, fleet.sandboxes[id].reason) for id in "acd"]
    assert "running" == fleet.sandboxes["b"].status
    assert fleet.sandboxes["a"].source == ONE


def test_a_new_service_ends_what_was_half_done_and_says_so() -> None:
    fleet, _ = running()
    fleet, _ = happened(create("b"), create("c"), Started("c", 1, FACTS), Restart("r", "c", "ada"), fleet=fleet)
    fleet, actions = happened(Resumed(), fleet=fleet)
    assert ["b", "c"] == [one.sandbox.id for one in actions if isinstance(one, Kill)]
    assert "running" == fleet.sandboxes["a"].status
    fleet, actions = happened(ProgramEnded("b", 1, "killed"), fleet=fleet)
    assert "the sandbox service ended while it was starting" == fleet.sandboxes["b"].reason
    assert answers(actions) == {}


def test_reports_from_an_earlier_program_are_ignored() -> None:
    fleet, _ = running(Restart("r", "a", "ada"), ProgramEnded("a", 1, "stopped"))
    assert (fleet, []) == happened(ProgramEnded("a", 1, "stopped"), fleet=fleet)
    assert (fleet, []) == happened(Started("a", 1, FACTS), fleet=fleet)


def test_the_oldest_records_make_room() -> None:
    fleet = Fleet()
    for number in range(MOST_ENDED + 5):
        id = f"n{number}"
        fleet, _ = after(fleet, create(id), number)
        fleet, _ = after(fleet, Started(id, 1, FACTS), number)
        fleet, _ = after(fleet, ProgramEnded(id, 1, "over"), number)
    assert MOST_ENDED == len(fleet.sandboxes)
    assert "n0" not in fleet.sandboxes


def test_the_records_of_one_owner_push_out_none_of_another() -> None:
    fleet = Fleet()
    for number in range(MOST_ENDED + 5):
        id = f"n{number}"
        fleet, _ = after(fleet, replace(create(id), owner="ada" if number else "bob"), number)
        fleet, _ = after(fleet, Started(id, 1, FACTS), number)
        fleet, _ = after(fleet, ProgramEnded(id, 1, "over"), number)
    assert MOST_ENDED == len(fleet.sandboxes)
    assert "n0" in fleet.sandboxes and "n1" not in fleet.sandboxes


class World:
    """Does what follows, some time later and in any order; a program that is killed ends, sooner or later."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fleet = Fleet(most=3)
        self.later: list[FleetEvent] = []
        self.asked: list[Any] = []
        self.answered: Counter[Any] = Counter()
        self.alive: set[tuple[str, int]] = set()
        self.lost: set[Any] = set()

    def happen(self, event: FleetEvent) -> None:
        if isinstance(event, ProgramEnded) and (event.id, event.run) not in self.alive:
            return  # it has ended already
        if isinstance(event, ProgramEnded | NotStarted):
            self.alive.discard((event.id, event.run))
        if isinstance(event, Started | Reloaded | NotReloaded) and (event.id, event.run) not in self.alive:
            return
        if isinstance(event, Resumed):
            self.lost |= {caller for one in self.fleet.sandboxes.values() for _, caller in one.waiting}
        if isinstance(event, Create | Restart | Destroy | Reload):
            self.asked.append(event.caller)
        self.fleet, actions = after(self.fleet, event, 0.0)
        for action in actions:
            self.do(action)
        assert sum(one.alive for one in self.fleet.sandboxes.values()) <= 3

    def do(self, action: Action) -> None:
        if isinstance(action, FleetAnswer):
            self.answered[action.caller] += 1
            return
        if isinstance(action, Tell):
            return
        id, run = action.sandbox.id, action.sandbox.run
        if isinstance(action, Launch):
            assert not any(key == id for key, _ in self.alive), "two programs of one sandbox"
            self.alive.add((id, run))
            self.later.append(self.random.choice([Started(id, run, FACTS), NotStarted(id, run, "start_failed", "no")]))
        elif isinstance(action, Stop):
            self.later += [ProgramEnded(id, run, "stopped")] if self.random.random() < 0.7 else [StillThere(id, run)]
        elif isinstance(action, Kill):
            self.later.append(ProgramEnded(id, run, "killed"))
        else:
            self.later.append(self.random.choice([Reloaded(id, run, "ada", {}), NotReloaded(id, run, "no")]))

    def step(self, number: int) -> None:
        choice = self.random.random()
        id = self.random.choice("abcd")
        if choice < 0.5 and self.later:
            self.happen(self.later.pop(self.random.randrange(len(self.later))))
        elif choice < 0.55 and self.alive:
            self.happen(ProgramEnded(*self.random.choice(sorted(self.alive)), "crashed"))
        elif choice < 0.58:
            self.happen(Resumed())
        else:
            event = self.random.choice([
                replace(create(id), caller=number), Restart(number, id, "ada"), Reload(number, id, "ada", TWO),
                Destroy(number, id, self.random.random() < 0.3),
            ])  # fmt: skip
            self.happen(event)


@given(st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_everybody_is_answered_once_and_nothing_is_left(seed: int) -> None:
    world = World(seed)
    for number in range(120):
        world.step(number)
    for number, id in enumerate("abcd"):
        world.happen(Destroy(("last", number), id, force=True))
    while world.later:
        world.happen(world.later.pop(0))
    assert world.fleet.sandboxes == {}
    assert world.alive == set()
    assert set(world.asked) - world.lost == {caller for caller in world.answered if caller not in world.lost}
    assert set(world.answered.values()) <= {1}
