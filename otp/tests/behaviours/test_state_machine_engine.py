"""The pure engine of state machines: single rules as values, and random programs against a small model.

The model knows no values and no steps: it is the text of OTP's documentation, written as one loop over lists.
Source: Erlang/OTP, stdlib, `gen_statem` (types `action()`, `timeout_action()`, `transition_option()`).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otp import (
    ChangeModule,
    EventTimeout,
    Hibernate,
    KeepState,
    KeepStateAndData,
    NamedTimeout,
    NextEvent,
    NextState,
    PopModule,
    Postpone,
    PushModule,
    RepeatState,
    RepeatStateAndData,
    Reply,
    ReplyTo,
    StateTimeout,
    Stop,
    StopAndReply,
)
from otp.behaviours.state_machine.engine import (
    WAIT,
    Callback,
    Ended,
    Event,
    Machine,
    Step,
    answered,
    begun,
    each,
    elapsed,
    received,
)
from otp.behaviours.state_machine.timers import CancelTimer, StartTimer
from otp.kernel.tables.callers import From


class Plain:
    callback_mode = "handle_event_function"
    state_enter = False


class Entering(Plain):
    state_enter = True


def caller() -> From:
    return object.__new__(From)


def idle(state: Any = "a", data: Any = 0, module: Any = Plain) -> Machine:
    return Machine(state, data, (module,))


def after(machine: Machine, *results: Any, event: tuple[Any, Any] = ("cast", "x")) -> Step:
    """An event, and the results of the callbacks it leads to."""
    step = received(machine, *event)
    for result in results:
        step = answered(step.machine, result)
    return step


# Values


def test_a_step_leaves_the_machine_it_was_given_as_it_was() -> None:
    before = idle()._replace(timers={"timeout": 1}, postponed=(Event("cast", "old"), None))
    kept = before._replace()
    after(before, NextState("b", 1, StateTimeout(1), NextEvent("internal"), EventTimeout(0), Postpone()))
    assert kept == before
    assert before.timers == {"timeout": 1}


def test_ten_thousand_postponed_events_come_back_without_copying_them_each_time() -> None:
    machine = idle()
    for number in range(10_000):
        machine = after(machine, KeepState(number, Postpone()), event=("cast", number)).machine
    step = after(machine, NextState("b", 0), event=("cast", "go"))
    seen = []
    while isinstance(step.then, Callback):
        seen.append(step.then.content)
        step = answered(step.machine, KeepStateAndData(Postpone()))
    assert seen == list(range(10_000))
    assert [event.content for event in each(step.machine.postponed)] == list(range(10_000))[::-1]


# Results


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (NextState("b", 1), ("b", 1)),
        (NextState("a", 1), ("a", 1)),
        (KeepState(1), ("a", 1)),
        (KeepStateAndData(), ("a", 0)),
        (RepeatState(1), ("a", 1)),
        (RepeatStateAndData(), ("a", 0)),
    ],
)
def test_a_result_says_what_state_and_data_become(result: Any, expected: Any) -> None:
    machine, effects, then = after(idle(), result)
    assert (machine.state, machine.data, effects, then) == (*expected, [], WAIT)


def test_a_thing_that_is_no_result_ends_the_machine() -> None:
    for wrong in (None, KeepStateAndData, "keep_state", Reply(1, 2), Stop("why", reply=1), Postpone()):
        step = after(idle(), wrong)
        assert step.then == Ended(("bad_return_from_state_function", wrong), error=True)


def test_stop_ends_with_the_new_data_or_the_old() -> None:
    assert after(idle(), Stop("why")).machine.data == 0
    step = after(idle(), Stop("why", 5))
    assert (step.machine.data, step.then) == (5, Ended("why", error=False))


def test_stop_and_reply_answers_in_order_up_to_the_first_that_is_wrong() -> None:
    one, two = ReplyTo(caller(), 1), ReplyTo(caller(), 2)
    step = after(idle(), StopAndReply("why", [one, two], 9))
    assert (step.effects, step.machine.data, step.then) == ([one, two], 9, Ended("why", error=False))
    assert after(idle(), StopAndReply("why", one)).effects == [one]
    step = after(idle(), StopAndReply("why", [one, Postpone(), two], 9))
    assert step.effects == [one]
    assert step.then == Ended(("bad_reply_action_from_state_function", Postpone()), error=True)


# Actions


@pytest.mark.parametrize(
    "wrong",
    [
        "postpone",
        None,
        StateTimeout,
        [Postpone()],
        StateTimeout(-1),
        StateTimeout(True),
        StateTimeout("soon"),
        StateTimeout("update", 1, abs=True),
        StateTimeout(1, 1, abs="yes"),
        StateTimeout(float("nan")),
        EventTimeout(float("inf")),
        NamedTimeout(["no", "hash"], 1),
        NextEvent("enter"),
        NextEvent(("call", "nobody")),
        NextEvent("event"),
        ReplyTo("nobody", 1),
        Postpone("yes"),
        Hibernate(1),
        ChangeModule(int),
        ChangeModule("Plain"),
        PopModule(),
    ],
    ids=repr,
)
def test_a_wrong_action_ends_the_machine_in_the_new_state_after_the_answers_before_it(wrong: Any) -> None:
    """As OTP 25 was seen to: the reason has the action, `terminate` gets the new state and the new data."""
    answer = ReplyTo(caller(), 1)
    step = after(idle(), NextState("b", 7, answer, wrong, answer))
    assert step.effects == [answer]
    assert step.then == Ended(("bad_action_from_state_function", wrong), error=True)
    assert (step.machine.state, step.machine.data) == ("b", 7)


@pytest.mark.parametrize("kind", ["internal", "cast", "info", "timeout", "state_timeout", ("timeout", "n")])
def test_an_event_of_any_kind_may_be_inserted(kind: Any) -> None:
    step = after(idle(), KeepStateAndData(NextEvent(kind, 5)))
    assert step.then == Callback(kind, 5, "a", 0)


def test_the_module_can_be_changed_pushed_and_popped() -> None:
    machine = after(idle(), KeepStateAndData(PushModule(Entering))).machine
    assert machine.modules == (Entering, Plain)
    assert after(machine, KeepStateAndData(ChangeModule(Plain))).machine.modules == (Plain, Plain)
    assert after(machine, KeepStateAndData(PopModule())).machine.modules == (Plain,)


def test_whether_a_state_is_entered_is_asked_of_the_new_module() -> None:
    assert after(idle(), NextState("b", 1, ChangeModule(Entering))).then == Callback("enter", "a", "b", 1)
    assert after(idle(module=Entering), NextState("b", 1, ChangeModule(Plain))).then is WAIT


# State enter


def test_the_first_state_is_entered_from_itself() -> None:
    assert begun("a", 0, Entering, ()).then == Callback("enter", "a", "a", 0)


@pytest.mark.parametrize(
    ("result", "enters"),
    [
        (NextState("b", 0), True),
        (NextState("a", 0), False),
        (KeepState(0), False),
        (KeepStateAndData(), False),
        (RepeatState(0), True),
        (RepeatStateAndData(), True),
    ],
)
def test_a_state_is_entered_when_it_changes_or_is_repeated(result: Any, enters: bool) -> None:
    then = after(idle(module=Entering), result).then
    assert isinstance(then, Callback) == enters
    assert not enters or then[:2] == ("enter", "a")


def test_what_an_enter_call_decides_is_added_to_what_its_event_decided() -> None:
    result = NextState("b", 1, StateTimeout(1, "event"), NextEvent("internal", "i"), Postpone())
    step = after(idle(module=Entering), result, KeepState(2, StateTimeout(3, "enter"), Postpone(False)))
    assert step.effects == [StartTimer("state_timeout", 3, False)]
    assert step.machine.timers == {"state_timeout": "enter"}
    assert step.then == Callback("internal", "i", "b", 2)
    assert list(each(step.machine.queue)) == [("internal", "i")]  # Postpone(False) took it back


@pytest.mark.parametrize("wrong", [Postpone(), NextEvent("internal", 1), ChangeModule(Plain), PopModule()], ids=repr)
def test_an_enter_call_may_neither_postpone_nor_insert_nor_change_the_module(wrong: Any) -> None:
    step = after(idle(module=Entering), NextState("b", 1), KeepState(2, wrong))
    assert step.then == Ended(("bad_state_enter_action_from_state_function", wrong), error=True)
    assert (step.machine.state, step.machine.data) == ("b", 2)


def test_an_enter_call_may_not_change_the_state_but_repeat_it() -> None:
    wrong = NextState("c", 2)
    step = after(idle(module=Entering), NextState("b", 1), wrong)
    assert step.then == Ended(("bad_state_enter_return_from_state_function", wrong), error=True)
    assert (step.machine.state, step.machine.data) == ("b", 1)
    assert after(idle(module=Entering), NextState("b", 1), NextState("b", 2)).then is WAIT
    assert after(idle(module=Entering), NextState("b", 1), RepeatState(2)).then == Callback("enter", "a", "b", 2)


# Order


def test_inserted_events_come_before_postponed_ones_and_those_oldest_first() -> None:
    machine = idle()
    for number in (1, 2):
        machine = after(machine, KeepStateAndData(Postpone()), event=("cast", number)).machine
    result = NextState("b", 0, NextEvent("internal", "x"), Postpone(), NextEvent("cast", "y"))
    step = after(machine, result, event=("cast", 3))
    assert [event.content for event in each(step.machine.queue)] == ["x", "y", 1, 2, 3]


def test_postponed_events_wait_for_a_change_of_the_state() -> None:
    machine = after(idle(module=Entering), KeepStateAndData(Postpone())).machine
    for result in (KeepState(1), NextState("a", 1)):
        assert after(machine, result).then is WAIT
    step = after(machine, RepeatState(1), KeepStateAndData())
    assert (step.then, step.machine.postponed) == (WAIT, (Event("cast", "x"), None))


def test_time_outs_of_zero_come_last_in_the_order_they_were_set() -> None:
    timeouts = (NamedTimeout("n", 0, 1), StateTimeout(0, 2), NamedTimeout("n", 0, 3), NextEvent("internal", 4))
    step = after(idle(), NextState("b", 0, *timeouts))
    seen = []
    while isinstance(step.then, Callback):
        seen.append((step.then.kind, step.then.content))
        step = answered(step.machine, KeepStateAndData())
    assert seen == [("internal", 4), ("state_timeout", 2), (("timeout", "n"), 3)]


# Timers


def running(*actions: Any, state: str = "a") -> Machine:
    return after(idle(state), KeepStateAndData(*actions)).machine


def test_a_change_of_state_cancels_the_state_time_out_only() -> None:
    machine = running(StateTimeout(1), NamedTimeout("n", 1))
    assert after(machine, NextState("a", 1)).effects == []
    step = after(machine, NextState("b", 1))
    assert (step.effects, set(step.machine.timers)) == ([CancelTimer("state_timeout")], {("timeout", "n")})


def test_any_event_cancels_the_event_time_out() -> None:
    for result in (KeepStateAndData(), NextState("b", 1)):
        assert after(running(EventTimeout(1)), result).effects == [CancelTimer("timeout")]
    inserted = after(idle(), KeepStateAndData(NextEvent("internal"), EventTimeout(0, "never")))
    assert answered(inserted.machine, KeepStateAndData()).then is WAIT


def test_a_timer_that_is_set_again_is_replaced_and_the_last_action_of_a_kind_counts() -> None:
    step = after(running(StateTimeout(1, "old")), KeepStateAndData(StateTimeout(2, "no"), StateTimeout(3, "new")))
    assert step.effects == [CancelTimer("state_timeout"), StartTimer("state_timeout", 3, False)]
    assert step.machine.timers == {"state_timeout": "new"}


@pytest.mark.parametrize("never", ["infinity", "cancel", None])
def test_infinity_cancels(never: Any) -> None:
    step = after(running(StateTimeout(1)), KeepStateAndData(StateTimeout(never, "x")))
    assert (step.effects, step.machine.timers) == ([CancelTimer("state_timeout")], {})
    assert after(idle(), KeepStateAndData(StateTimeout(never))).effects == []


def test_update_changes_the_content_and_keeps_the_time() -> None:
    step = after(running(StateTimeout(1, "old")), KeepStateAndData(StateTimeout("update", "new")))
    assert (step.effects, step.machine.timers) == ([], {"state_timeout": "new"})


def test_update_of_a_timer_that_does_not_run_is_a_time_out_of_zero() -> None:
    then = after(idle(), KeepStateAndData(StateTimeout("update", "now"))).then
    assert then == Callback("state_timeout", "now", "a", 0)


def test_a_time_out_of_zero_that_is_replaced_by_a_later_one_fires_then() -> None:
    """Documentation of `timeout_action()`: setting a timer replaces it. OTP 25 loses it."""
    step = after(idle(), NextState("b", 0, NextEvent("internal"), StateTimeout(0, "zero")))
    step = answered(step.machine, KeepStateAndData(StateTimeout(9, "nine")))
    assert (step.then, step.effects) == (WAIT, [StartTimer("state_timeout", 9, False)])
    assert elapsed(step.machine, "state_timeout").then == Callback("state_timeout", "nine", "b", 0)


def test_an_absolute_time_is_handed_on_even_if_it_is_past() -> None:
    step = after(idle(), KeepStateAndData(StateTimeout(-5, "x", abs=True), NamedTimeout("n", 5, "y", abs=True)))
    assert step.effects == [StartTimer("state_timeout", -5, True), StartTimer(("timeout", "n"), 5, True)]


def test_a_time_that_is_not_zero_is_waited_for_however_short() -> None:
    """A time-out of 0 comes before the next event; any other one is a timer."""
    assert after(idle(), KeepStateAndData(StateTimeout(0, "x"))).then == Callback("state_timeout", "x", "a", 0)
    step = after(idle(), KeepStateAndData(StateTimeout(1e-10, "x")))
    assert (step.then, step.effects) == (WAIT, [StartTimer("state_timeout", 1e-10, False)])


# The model


class Model:
    """A machine as documented. `decide(kind, content, state)` is its callback."""

    def __init__(self, decide: Any, enters: bool, state: str) -> None:
        self.decide, self.enters, self.state = decide, enters, state
        self.log: list[Any] = []
        self.postponed: list[Any] = []
        self.running: dict[Any, Any] = {}
        self.zero: list[Any] = []

    def handle(self, event: Any) -> None:
        queue = [event]
        while queue or self.zero:
            if not queue:
                kind = self.zero.pop(0)
                queue = [(kind, self.running.pop(kind))]
            event = queue.pop(0)
            queue = self.one(event, *self.decide(*event, self.state), queue)

    def one(self, event: Any, verdict: str, actions: list[Any], queue: list[Any]) -> list[Any]:
        new = verdict if verdict in "abc" else self.state
        changed, enter = new != self.state, verdict == "repeat"
        actions = list(actions)
        self.log += [("reply", a.value) for a in actions if isinstance(a, ReplyTo)]
        enter = enter or changed
        while enter and self.enters:
            verdict, more = self.decide("enter", self.state, new)
            more = [a for a in more if not isinstance(a, Postpone | NextEvent)]
            self.log += [("reply", a.value) for a in more if isinstance(a, ReplyTo)]
            actions += more
            enter = verdict == "repeat"
        self.state = new
        postpone = any(isinstance(a, Postpone) for a in actions)
        if postpone:
            self.postponed.append(event)
        if changed:
            queue = self.postponed + queue
            self.postponed = []
            self.cancel("state_timeout")
        self.cancel("timeout")
        self.timers(actions)
        return [(a.kind, a.content) for a in actions if isinstance(a, NextEvent)] + queue

    def cancel(self, kind: Any) -> None:
        if kind in self.running:
            del self.running[kind]
            if kind in self.zero:
                self.zero.remove(kind)
            else:
                self.log.append(("cancelled", kind))

    def timers(self, actions: list[Any]) -> None:
        timed = [(timer_kind(a), a) for a in actions if isinstance(a, StateTimeout | EventTimeout | NamedTimeout)]
        for i, (kind, action) in enumerate(timed):
            if any(kind == later for later, _ in timed[i + 1 :]):
                continue
            time = action.seconds
            if time == "update" and kind in self.running:
                self.running[kind] = action.content
                continue
            self.cancel(kind)
            if time in ("infinity", "cancel"):
                continue
            self.running[kind] = action.content
            if time in (0, "update"):
                self.zero.append(kind)
            else:
                self.log.append(("started", kind, time))


def timer_kind(action: Any) -> Any:
    match action:
        case NamedTimeout(name):
            return ("timeout", name)
        case StateTimeout():
            return "state_timeout"
        case _:
            return "timeout"


class Played:
    """The engine, driven as a process drives it, with the same log as the model."""

    def __init__(self, decide: Any, enters: bool, state: str) -> None:
        self.decide = decide
        self.log: list[Any] = []
        self.machine = Machine(state, None, (Entering if enters else Plain,))

    def handle(self, event: Any) -> None:
        fires = event[0] in self.machine.timers and event[1] is None
        step = elapsed(self.machine, event[0]) if fires else received(self.machine, *event)
        while True:
            self.machine = step.machine
            for effect in step.effects:
                match effect:
                    case ReplyTo():
                        self.log.append(("reply", effect.value))
                    case StartTimer():
                        self.log.append(("started", effect.kind, effect.seconds))
                    case CancelTimer():
                        self.log.append(("cancelled", effect.kind))
            if not isinstance(step.then, Callback):
                assert step.then is WAIT
                return
            step = answered(self.machine, self.result(*self.decide(*step.then[:3]), entering=step.then.kind == "enter"))

    def result(self, verdict: str, actions: list[Any], entering: bool) -> Any:
        if entering:
            actions = [a for a in actions if not isinstance(a, Postpone | NextEvent)]
            verdict = verdict if verdict == "repeat" else "keep"
        if verdict == "repeat":
            return RepeatStateAndData(*actions)
        return KeepStateAndData(*actions) if verdict == "keep" else NextState(verdict, None, *actions)


times = st.sampled_from([0, 0, 1, 2, "infinity", "cancel", "update"])
some_actions = st.lists(
    st.one_of(
        st.just(Postpone()),
        st.builds(NextEvent, st.sampled_from(["internal", "cast", "state_timeout"]), st.integers(0, 9)),
        st.builds(ReplyTo, st.just(caller()), st.integers(0, 9)),
        st.tuples(times, st.integers(0, 9)).map(lambda timer: StateTimeout(*timer)),
        st.tuples(times, st.integers(0, 9)).map(lambda timer: EventTimeout(*timer)),
        st.tuples(st.sampled_from(["m", "n"]), times, st.integers(0, 9)).map(lambda timer: NamedTimeout(*timer)),
        st.just(Hibernate()),
    ),
    max_size=5,
)
scripts = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "keep", "repeat"]), some_actions), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(script=scripts, enters=st.booleans(), inputs=st.lists(st.integers(0, 5), max_size=8))
def test_random_machines_do_as_the_documentation_says(script: Any, enters: bool, inputs: list[int]) -> None:
    """Inputs 0 to 3 are messages, 4 and 5 let the first or last timer that runs fire."""
    played_and_modelled = []
    for machine_of in (Played, Model):
        calls = 0

        def decide(kind: Any, content: Any, state: Any) -> Any:
            nonlocal calls
            machine.log.append((kind, content, state))
            verdict = script[calls % len(script)] if calls < 100 else ("keep", [])
            calls += 1
            return verdict

        machine = machine_of(decide, enters, "a")
        for number in inputs:
            play(machine, number)
        played_and_modelled.append(machine.log)
    played, modelled = played_and_modelled
    assert modelled == played


def play(machine: Any, number: int) -> None:
    if number < 4:
        machine.handle(("cast", number))
        return
    timers = machine.machine.timers if isinstance(machine, Played) else machine.running
    if not timers:
        return
    kind = sorted(timers, key=repr)[4 - number]
    if isinstance(machine, Played):
        machine.handle((kind, None))
    else:
        machine.handle((kind, machine.running.pop(kind)))
