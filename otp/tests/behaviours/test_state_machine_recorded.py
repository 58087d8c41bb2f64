"""The callbacks and their order, compared with recordings of Erlang/OTP's own `gen_statem`, scenario by scenario.

A scenario is random: the n-th callback returns the n-th verdict of its script. The recordings hold what OTP 25 did.

    python test_state_machine_recorded.py record 400      # where erl is installed: record anew
    python test_state_machine_recorded.py compare 20000   # play other scenarios on both, keep nothing
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import otp
from otp import (
    EventTimeout,
    GenStateMachine,
    Hibernate,
    KeepState,
    KeepStateAndData,
    MachineOk,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    RepeatStateAndData,
    ReplyTo,
    StateTimeout,
    Stop,
    impl,
)
from otp.behaviours.state_machine.engine import Ended, Machine, Step, Wait, answered, begun, received
from otp.kernel.tables.callers import From
from otp.testing import Scheduler, wait_all_idle

HERE = Path(__file__).parent / "recorded"
RECORDINGS = HERE / "gen_statem.jsonl.gz"

Scenario = dict[str, Any]
ENOUGH = 60  # callbacks, after which a scripted machine does nothing any more


# Scenarios


def random_action(r: random.Random) -> list[Any]:
    x = r.random()
    if x < 0.15:
        return ["postpone"]
    if x < 0.35:
        return ["next_event", r.choice(["internal", "cast", "info", "state_timeout"]), r.randrange(100, 200)]
    if x < 0.5:
        return ["reply", r.randrange(200, 300)]
    if x < 0.56:
        return [r.choice(["hibernate", "no_postpone"])]
    time = r.choice([0, 0, 0, 3600, 3600, "infinity", "update", "cancel"])
    return ["timer", r.choice(["state_timeout", "timeout", "one", "two"]), time, r.randrange(300, 400)]


def random_verdict(r: random.Random) -> list[Any]:
    actions = [random_action(r) for _ in range(r.choice([0, 0, 1, 1, 2, 3, 4]))]
    kinds = ["next", "keep", "keep_data", "repeat", "repeat_data", "stop", "wrong_result", "wrong_action"]
    kind = r.choices([*kinds, "wrong_in_enter"], [40, 20, 15, 10, 8, 2, 2, 2, 1])[0]
    if kind == "next":
        return [kind, r.choice("abc"), actions]
    return [kind, actions] if kind in kinds[:5] else [kind]


def random_scenario(seed: int) -> Scenario:
    r = random.Random(seed)
    return {
        "seed": seed,
        "enter": r.random() < 0.5,
        "init": [random_action(r) for _ in range(r.choice([0, 0, 1, 2, 3]))],
        "script": [random_verdict(r) for _ in range(r.randrange(1, 12))],
        "inputs": [[r.choice(["cast", "cast", "info", "call"]), r.randrange(100)] for _ in range(r.randrange(1, 8))],
    }


# Playing one


class Script:
    """The callbacks of a scripted machine, and what they saw."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.calls = 0
        self.callers: list[Any] = []  # to be answered
        self.known: set[Any] = set()  # a postponed call comes again; its caller is answered once
        self.log: list[tuple[Any, ...]] = []

    def first(self) -> tuple[Any, ...]:
        return tuple(self.actions(self.scenario["init"], "init"))

    def handle(self, kind: Any, content: Any, state: Any, data: Any) -> Any:
        n, self.calls = self.calls, self.calls + 1
        match kind:
            case ("call", caller):
                if caller not in self.known:
                    self.known.add(caller)
                    self.callers.append(caller)
                self.log.append(("call", content, state, data))
            case _:
                self.log.append((kind, content, state, data))
        script = self.scenario["script"]
        if n >= ENOUGH:
            return KeepStateAndData()
        match script[n % len(script)]:
            case ["next", other, actions] if kind == "enter" and other != state:
                return KeepState(n, *self.actions(actions, kind))
            case ["next", other, actions]:
                return NextState(other, n, *self.actions(actions, kind))
            case ["keep", actions]:
                return KeepState(n, *self.actions(actions, kind))
            case ["keep_data", actions]:
                return KeepStateAndData(*self.actions(actions, kind))
            case ["repeat", actions]:
                return RepeatState(n, *self.actions(actions, kind))
            case ["repeat_data", actions]:
                return RepeatStateAndData(*self.actions(actions, kind))
            case ["stop"]:
                return Stop("why")
            case ["wrong_result"]:
                return "wrong"
            case ["wrong_action"]:
                return NextState("a", 77, "wrong")
            case ["wrong_in_enter"]:
                return KeepState(n, Postpone())

    def actions(self, actions: list[list[Any]], kind: Any) -> Iterator[Any]:
        for action in actions:
            match action:
                case ["postpone"] | ["next_event", _, _] if kind == "enter":
                    pass
                case ["postpone"]:
                    yield Postpone()
                case ["no_postpone"]:
                    yield Postpone(False)
                case ["hibernate"]:
                    yield Hibernate()
                case ["next_event", of, content]:
                    yield NextEvent(of, content)
                case ["reply", value]:
                    if self.callers:
                        yield ReplyTo(self.callers.pop(0), value)
                case ["timer", "state_timeout", time, content]:
                    yield StateTimeout(time, content)
                case ["timer", "timeout", time, content]:
                    yield EventTimeout(time, content)
                case ["timer", name, time, content]:
                    yield NamedTimeout(name, time, content)
                case _:
                    raise AssertionError(action)

    def ended(self, reason: Any, state: Any, data: Any) -> None:
        self.log.append(("terminate", reason, state, data))


def play_on_the_engine(scenario: Scenario) -> str:
    """The log of the pure engine, answers included."""
    script = Script(scenario)

    class Module:
        callback_mode = "handle_event_function"
        state_enter = scenario["enter"]

    def follow(step: Step) -> Machine | None:
        while True:
            script.log += [("reply", effect.value) for effect in step.effects if isinstance(effect, ReplyTo)]
            if isinstance(step.then, Wait):
                return step.machine
            if isinstance(step.then, Ended):
                script.ended(step.then.reason, step.machine.state, step.machine.data)
                return None
            step = answered(step.machine, script.handle(*step.then))

    machine = follow(begun("a", 0, Module, script.first()))
    for way, content in scenario["inputs"]:
        if machine is not None:
            machine = follow(received(machine, ("call", object.__new__(From)) if way == "call" else way, content))
    return in_erlang(script.log)


def play_on_a_process(scenario: Scenario, **options: Any) -> str:
    """The log of a machine that runs; the answers, which others receive, come last, sorted."""
    script = Script(scenario)
    answers: list[int] = []

    class Scripted(GenStateMachine[str, int]):
        state_enter = scenario["enter"]

        @impl
        def init(self, arg: Any) -> Any:
            return MachineOk("a", 0, *script.first())

        @impl
        def handle_event(self, event: Any, content: Any, state: Any, data: Any) -> Any:
            return script.handle(event, content, state, data)

        @impl
        def terminate(self, reason: Any, state: Any, data: Any) -> None:
            script.ended(reason, state, data)

    async def call(machine: otp.Pid, content: int) -> None:
        answers.append(await Scripted.call(machine, content))

    async def main() -> None:
        machine = await Scripted.start()
        for way, content in scenario["inputs"]:
            match way:
                case "cast":
                    Scripted.cast(machine, content)
                case "info":
                    otp.send(machine, content)
                case "call":
                    otp.spawn(call, machine, content)
            await wait_all_idle()
        otp.exit(machine, "kill")

    Scheduler(**options).run(main)
    return in_erlang([*script.log, *(("reply", value) for value in sorted(answers))])


def answers_last(log: str) -> str:
    """A log of Erlang's with its answers at the end, sorted."""
    answers: list[str] = []
    entries: list[str] = []
    for entry in log[1:-1].replace("},{reply", "}\n{reply").replace("},{", "}\n{").split("\n"):
        (answers if entry.startswith("{reply") else entries).append(entry)
    answers.sort(key=lambda entry: int(entry[7:-1]))
    return "[" + ",".join(filter(None, [*entries, *answers])) + "]"


# Erlang's notation


def term(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple() | list() if type(value) in (tuple, list) and value and value[0] == "timer":
            _timer, kind, time, content = value
            return f"{{timer,{timer_type(kind)},{time * 1000 if isinstance(time, int) else time},{content}}}"
        case tuple() if type(value) is tuple:
            return "{" + ",".join(map(term, value)) + "}"
        case list():
            return "[" + ",".join(map(term, value)) + "]"
        case Postpone():
            return "postpone"
        case NextState():
            return "{next_state,a,77,[wrong]}"
        case _:
            return str(value)


def timer_type(kind: str) -> str:
    return kind if kind.endswith("timeout") else f"{{timeout,{kind}}}"


def verdict_term(verdict: list[Any]) -> str:
    match verdict:
        case ["next", state, actions]:
            return f"{{next,{state},{actions_term(actions)}}}"
        case [kind, actions]:
            return f"{{{kind},{actions_term(actions)}}}"
        case [kind]:
            return str(kind)
        case _:
            raise AssertionError(verdict)


def actions_term(actions: list[list[Any]]) -> str:
    return term([tuple(action) for action in actions])


def scenario_term(scenario: Scenario) -> str:
    script = ",".join(map(verdict_term, scenario["script"]))
    inputs = term([tuple(one) for one in scenario["inputs"]])
    head = f"{scenario['seed']},{term(scenario['enter'])},{actions_term(scenario['init'])}"
    return f"{{{head},[{script}],{inputs}}}.\n"


def in_erlang(log: list[tuple[Any, ...]]) -> str:
    return term(log)


def erlang_plays(scenarios: list[Scenario]) -> dict[int, str]:
    """The results of Erlang's own machine for scenarios, by seed."""
    with tempfile.TemporaryDirectory() as folder:
        cases, out = Path(folder, "cases"), Path(folder, "out")
        cases.write_text("".join(map(scenario_term, scenarios)))
        subprocess.run(["erlc", "-o", folder, str(HERE / "gen_statem_player.erl")], check=True)
        run = f'gen_statem_player:main(["{cases}","{out}"]), halt().'
        subprocess.run(["erl", "-noshell", "-pa", folder, "-eval", run], check=True)
        return {int(seed): log for seed, log in (line.strip().split(" ", 1) for line in out.open())}


def recorded() -> list[tuple[Scenario, str]]:
    with gzip.open(RECORDINGS, "rt") as lines:
        return [(record["scenario"], record["log"]) for record in map(json.loads, lines)]


# Tests


def test_the_recordings_show_what_they_are_for() -> None:
    logs = [log for _scenario, log in recorded()]
    for what in (
        "{enter,",
        "{reply,",
        "{state_timeout,",
        "{timeout,",
        "{{timeout,one}",
        "{internal,",
        "{terminate,why",
    ):
        assert sum(what in log for log in logs) > 20, what
    assert len(logs) >= 300


def test_the_engine_goes_as_on_erlang() -> None:
    """OTP 25, gen_statem: random verdicts with all kinds of actions, recorded."""
    for scenario, log in recorded():
        assert log == play_on_the_engine(scenario), scenario


MODES: dict[str, Callable[[int], dict[str, Any]]] = {
    "inline": lambda seed: {"inline": True},
    "queued": lambda seed: {"inline": False},
    "seeded": lambda seed: {"seed": seed},
}


@pytest.mark.parametrize("mode", MODES)
def test_a_machine_that_runs_goes_as_on_erlang(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    """The same recordings, as a process under every schedule."""
    caplog.set_level("CRITICAL", "otp")
    for scenario, log in recorded()[::3]:
        assert answers_last(log) == play_on_a_process(scenario, **MODES[mode](scenario["seed"])), scenario


def main(command: str, number: int) -> None:
    if command == "record":
        scenarios = [random_scenario(seed) for seed in range(number)]
        logs = erlang_plays(scenarios)
        with gzip.GzipFile(RECORDINGS, "wb", mtime=0) as out:
            for scenario in scenarios:
                out.write(json.dumps({"scenario": scenario, "log": logs[scenario["seed"]]}).encode() + b"\n")
        return
    scenarios = [random_scenario(seed) for seed in range(1_000_000, 1_000_000 + number)]
    logs = erlang_plays(scenarios)
    different = [s for s in scenarios if logs[s["seed"]] != play_on_the_engine(s)]
    for scenario in different[:3]:
        print(scenario_term(scenario), logs[scenario["seed"]], play_on_the_engine(scenario), sep="\n")
    print(f"{number} scenarios, {len(different)} differ")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
