"""State machines with many named timers: a change takes constant time, and older versions keep their timers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from counted_keys import CountedKey
from otp import GenStateMachine, KeepState, MachineOk, NamedTimeout, ReplyTo, impl
from otp.behaviours.state_machine.timer_table import TimerTable, with_timer, without
from otp.testing import Scheduler, advance


def test_each_version_of_the_timers_shows_what_it_held_when_it_was_made() -> None:
    source = random.Random(5)
    versions: list[tuple[Mapping[Any, Any], dict[Any, Any]]] = [({}, {})]
    for step in range(3_000):
        running, model = versions[-1] if source.random() < 0.9 else source.choice(versions)
        kind = source.randrange(80)
        if kind in model and source.random() < 0.4:
            versions.append((without(running, kind), {key: model[key] for key in model if key != kind}))
        else:
            versions.append((with_timer(running, kind, step), {**model, kind: step}))
        running, model = source.choice(versions)
        assert (model, len(model), kind in model) == (running, len(running), kind in running)
        assert model.get(kind) == running.get(kind)
        assert sorted(model) == sorted(running)
    assert all(model == running for running, model in versions)
    assert any(isinstance(running, TimerTable) for running, _ in versions)


class Alarms(GenStateMachine[str, list[Any]]):
    """A machine that sets an alarm for each cast, and replies with the alarms that have rung."""

    @impl
    def init(self, arg: Any) -> Any:
        return MachineOk("on", [])

    @impl
    def handle_event(self, kind: Any, content: Any, state: str, data: list[Any]) -> Any:
        match kind:
            case "cast":
                number, seconds = content
                return KeepState(data, NamedTimeout(CountedKey(number), seconds, number))
            case ("call", caller):
                return KeepState(data, ReplyTo(caller, data))
            case _:
                return KeepState([*data, content])


def test_one_of_many_named_timers_is_set_again_and_fires_without_a_look_at_the_others() -> None:
    """Regression: each event that set a timer, and each event of a timer, copied the map of all timers."""

    async def main() -> Any:
        machine = await Alarms.start_link(None)
        for number in range(1_000):
            Alarms.cast(machine, (number, 60 + number))
        await Alarms.call(machine, "rung", 5)
        CountedKey.compared = 0
        for number in range(100):
            Alarms.cast(machine, (number, 1 + number / 1000))
        before = await Alarms.call(machine, "rung", 5)
        await advance(2)
        rung = await Alarms.call(machine, "rung", 5)
        return before, rung, CountedKey.compared

    before, rung, compared = Scheduler().run(main)
    assert ([], list(range(100))) == (before, rung)
    assert compared <= 50 * 100


def test_all_of_many_named_timers_fire_in_the_order_of_their_times() -> None:
    async def main() -> Any:
        machine = await Alarms.start_link(None)
        for number in range(300):
            Alarms.cast(machine, (number, 300 - number))
        for number in range(0, 300, 2):
            Alarms.cast(machine, (number, "cancel"))
        await advance(400)
        return await Alarms.call(machine, "rung", 5)

    assert list(range(299, 0, -2)) == Scheduler().run(main)
