"""Scenario files: faults and operations as JSON steps, with what is expected after them.

`read_scenario` checks a file, `play` runs it on a simulated cluster. A run goes on after a step that failed.
"""

# What a file holds, requests and replies have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import difflib
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from otp.behaviours.server.gen_server import GenServer
from otp.cluster import pg
from otp.cluster.distributed_registry import DistributedRegistry
from otp.cluster.distributed_supervisor import DistributedSupervisor
from otp.cluster.global_names import Global
from otp.cluster.simulation.history import Event, Violation
from otp.cluster.simulation.simulated_cluster import SimulatedCluster
from otp.distribution import TEACHING, Settings
from otp.kernel.ends.mailbox import receive
from otp.kernel.steps.signals import send, wait_down
from otp.kernel.values.errors import BadArgument, CallExit
from otp.kernel.values.pids import Pid

__all__ = ["Failure", "Scenario", "ScenarioError", "Verdict", "play", "read_scenario"]

_FAULTS: Final = {
    "kill": "member", "stop": "member", "start": "member", "stall": "member", "resume": "member",
    "cut": "from to one_way?", "partition": "sides", "drop": "from to share", "delay": "from to seconds",
    "skew": "member seconds", "heal": "", "sleep": "seconds", "converge": "within?",
}  # fmt: skip
_VERBS: Final = _FAULTS | {
    "register": "on as name? registry? key?", "unregister": "on as name? registry? key?",
    "join": "on group as", "leave": "on group as",
    "start_child": "on supervisor start arg? id? prefer?", "terminate_child": "on supervisor id",
    "call": "on name? registry? key? supervisor? child? request save?", "end": "as",
}  # fmt: skip
"""The keys of each verb; those with a question mark may be missing."""
_EXPECTED: Final = {
    "members": "", "lost": "", "owner": "name? registry? key?", "child": "of runs? at?", "group": "size",
    "ended": "reason?", "reply": "equals",
}  # fmt: skip
_KEYS: Final = "scenario name members? leases? program? settings? steps"
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "seconds": (int, float), "share": (int, float), "within": (int, float), "for": (int, float), "sides": (list,),
    "one_way": (bool,), "on": (str,), "member": (str,), "as": (str,), "from": (str,), "to": (str,), "raises": (str,),
    "start": (str,), "prefer": (str,), "supervisor": (str,), "registry": (str,), "save": (str,),
}  # fmt: skip
_SHOWN: Final = {list: "a list", bool: "true or false", str: "a text"}
_MOST: Final = 12


class ScenarioError(BadArgument):
    """A scenario file that cannot be run; the text names the step, counted from 1."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario file.

    >>> Scenario("a name moves", ["n1", "n2"], [{"do": "kill", "member": "n2"}]).settle
    0.5
    """

    name: str
    members: list[str]
    steps: list[Mapping[str, Any]]
    settings: Settings = TEACHING
    settle: float = 0.5
    program: Path | None = None
    children: str = ""
    """The function of the program that returns the children of a member."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed: its number from 1, what was expected, and what happened."""

    step: int
    expected: Any
    got: Any


@dataclass(slots=True)
class Verdict:
    """The outcome of a run: the steps that failed, its history, and how that breaks the rules.

    >>> Verdict().passed
    True
    """

    failed: list[Failure] = field(default_factory=list[Failure])
    violations: list[Violation] = field(default_factory=list[Violation])
    history: list[Event] = field(default_factory=list[Event])

    @property
    def passed(self) -> bool:
        """True if every step did what was expected, and no rule is broken."""
        return not self.failed and not self.violations


# Reading


def read_scenario(file: Path) -> Scenario:
    """Read and check a scenario file. Raises `ScenarioError`.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "a.json")
    >>> _ = file.write_text('{"scenario": 1, "name": "one", "steps": [{"do": "kil", "member": "n1"}]}')
    >>> read_scenario(file)
    Traceback (most recent call last):
    otp.cluster.simulation.scenarios.ScenarioError: a.json, step 1: unknown verb 'kil'; did you mean 'kill'?
    """
    where = file.name
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:  # no JSON, or no UTF-8
        raise ScenarioError(f"{where}: expected JSON, got {error}") from None
    _check(where, given, _KEYS)
    if given["scenario"] != 1:
        raise ScenarioError(f"{where}: expected scenario 1, got {given['scenario']!r:.100}")
    if not isinstance(given["name"], str) or not isinstance(given["steps"], list):
        raise ScenarioError(f"{where}: expected a name and a list of steps")
    if given.get("leases"):
        raise ScenarioError(f"{where}: leases are not available; try without leases")
    for number, step in enumerate(given["steps"], 1):
        _check_step(f"{where}, step {number}", step)
    settings, settle = _settings(where, given.get("settings", {}))
    path, _, children = str(given.get("program", "")).partition(":")
    program = file.parent / path if path else None
    if program is not None and not program.is_file():
        raise ScenarioError(f"{where}: there is no program {program}")
    return Scenario(
        given["name"], _members(where, given.get("members", 3)), given["steps"], settings, settle, program, children
    )


def _members(where: str, given: Any) -> list[str]:
    if isinstance(given, int) and not isinstance(given, bool) and 0 < given <= _MOST:
        return [f"n{number}" for number in range(1, given + 1)]
    if isinstance(given, list) and 0 < len(given) <= _MOST and all(isinstance(name, str) for name in given):
        return given
    raise ScenarioError(f"{where}: expected members from 1 to {_MOST}, or a list of names, got {given!r:.100}")


def _settings(where: str, given: Any) -> tuple[Settings, float]:
    _check(f"{where}, settings", given, "heartbeat? dead? settle?")
    for key, value in given.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
            raise ScenarioError(f"{where}, settings: expected {key} in seconds, got {value!r:.100}")
    times = {key: float(value) for key, value in given.items() if key != "settle"}
    try:
        settings = replace(TEACHING, **times)
    except BadArgument as error:
        raise ScenarioError(f"{where}, settings: {error}") from None
    return settings, float(given.get("settle", 0.5))


def _check_step(where: str, step: Any) -> None:
    if not isinstance(step, dict) or ("do" in step) == ("expect" in step):
        raise ScenarioError(f"{where}: expected an object with 'do' or 'expect', got {step!r:.200}")
    if "do" in step:
        verb = step["do"]
        if verb not in _VERBS:
            raise ScenarioError(f"{where}: unknown verb {verb!r:.100}; {_similar(verb, _VERBS)}")
        _check(where, step, f"do raises? {_VERBS[verb]}")
    else:
        _check(where, step, "expect on? within? for?")
        if "within" in step and "for" in step:
            raise ScenarioError(f"{where}: expected 'within' or 'for', got both")
        expected = step["expect"]
        kinds = [key for key in _EXPECTED if isinstance(expected, dict) and key in expected]
        if not kinds:
            raise ScenarioError(f"{where}: expected one of {', '.join(_EXPECTED)}, got {expected!r:.200}")
        _check(where, expected, f"{kinds[0]} {_EXPECTED[kinds[0]]}")


def _check(where: str, given: Any, keys: str) -> None:
    """Raise `ScenarioError` unless an object has the keys, and no others, with values of their types."""
    if not isinstance(given, dict):
        raise ScenarioError(f"{where}: expected an object, got {given!r:.100}")
    known = [key.removesuffix("?") for key in keys.split()]
    for key, value in given.items():
        if key not in known:
            raise ScenarioError(f"{where}: unknown key {key!r:.100}; {_similar(key, known)}")
        types = _TYPES.get(key, (object,))
        if not isinstance(value, types) or (isinstance(value, bool) and types == (int, float)):
            raise ScenarioError(f"{where}: expected {key} as {_SHOWN.get(types[0], 'a number')}, got {value!r:.100}")
    for key in keys.split():
        if not key.endswith("?") and key not in given:
            raise ScenarioError(f"{where}: {key!r} is missing")


def _similar(word: Any, known: Any) -> str:
    found = difflib.get_close_matches(str(word), list(known), 1)
    return f"did you mean {found[0]!r}?" if found else f"expected one of {', '.join(known)}"


# Running


class Ended(Exception):
    """The process that should act has ended."""


async def play(scenario: Scenario) -> Verdict:
    """Run a scenario on a simulated cluster, in the time and with the seed of the running scheduler.

    >>> from otp.testing import Scheduler
    >>> steps = [{"do": "kill", "member": "n2"}, {"expect": {"lost": ["n2"]}, "on": "n1", "within": 3}]
    >>> Scheduler(seed=1).run(lambda: play(Scenario("a loss", ["n1", "n2"], steps))).passed
    True
    """
    module = None if scenario.program is None else _load(scenario.program)
    children = getattr(module, scenario.children, None) if scenario.children else ()
    if children is None:
        raise ScenarioError(f"{module.__name__}.py has no function {scenario.children!r}")  # pyright: ignore[reportOptionalMemberAccess]
    verdict = Verdict()
    async with SimulatedCluster(
        scenario.members,
        children=children,
        allow=[] if module is None else [module],
        settings=scenario.settings,
        settle=scenario.settle,
        check=False,
    ) as sim:
        run = _Run(sim, module)
        for number, step in enumerate(scenario.steps, 1):
            failure = await run.do(step) if "do" in step else await run.expect(step)
            if failure is not None:
                verdict.failed.append(Failure(number, *failure))
        verdict.violations, verdict.history = sim.check(), sim.history
    return verdict


def _load(program: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(program.stem, program)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[program.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ScenarioError(f"{program.name} cannot be imported: {error!r:.300}") from error
    return module


class _Run:
    """The state of a run: the processes that act, and the replies that were saved."""

    def __init__(self, sim: SimulatedCluster, module: ModuleType | None) -> None:
        self.sim = sim
        self.module = module
        self.actors: dict[str, Pid] = {}
        self.ends: dict[str, asyncio.Future[Any]] = {}
        self.replies: dict[str, Any] = {}

    async def do(self, step: Mapping[str, Any]) -> tuple[Any, Any] | None:
        """Do a step; return what was expected and what happened if it failed."""
        expected = step.get("raises")
        try:
            await getattr(self, step["do"], self._fault)(step)
        except Exception as error:
            names = {type(error).__name__, *_words(getattr(error, "reason", None))}
            return None if expected in names else (expected or "no error", f"{type(error).__name__}: {error}"[:500])
        return None if expected is None else (expected, "no error")

    # Faults

    async def _fault(self, step: Mapping[str, Any]) -> None:
        sim = self.sim
        match step:
            case {"do": "kill" | "stall" | "resume" as verb, "member": member}:
                getattr(sim, verb)(member)
            case {"do": "stop" | "start" as verb, "member": member}:
                await getattr(sim, verb)(member)
            case {"do": "cut", "from": a, "to": b}:
                sim.cut(a, b, step.get("one_way", False))
            case {"do": "partition", "sides": sides}:
                sim.partition(*sides)
            case {"do": "drop", "from": a, "to": b, "share": share}:
                sim.drop(a, b, share)
            case {"do": "delay", "from": a, "to": b, "seconds": seconds}:
                sim.delay(a, b, seconds)
            case {"do": "skew", "member": member, "seconds": seconds}:
                sim.skew(member, seconds)
            case {"do": "heal"}:
                sim.heal()
            case {"do": "sleep", "seconds": seconds}:
                await asyncio.sleep(seconds)
            case _:
                await sim.converge(step.get("within", 60))

    # Processes that own names and groups

    async def _act(self, step: Mapping[str, Any], fn: Any, *args: Any) -> None:
        """Run a function in the process `as`, which starts with its first step."""
        name, done = step["as"], asyncio.get_running_loop().create_future()
        if name not in self.actors:
            pid = self.actors[name] = self.sim.spawn(step["on"], _serve)
            self.ends[name] = asyncio.ensure_future(wait_down(pid))
        if self.ends[name].done():
            raise Ended(f"{name} has ended with {self.ends[name].result()!r:.200}")
        send(self.actors[name], (fn, args, done))
        await asyncio.wait([done, self.ends[name]], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise Ended(f"{name} has ended with {self.ends[name].result()!r:.200}")
        done.result()

    async def register(self, step: Mapping[str, Any]) -> None:
        """Register the process `as` under a global name or a key."""
        await self._act(step, *self._named(step, Global.register, DistributedRegistry.register))

    async def unregister(self, step: Mapping[str, Any]) -> None:
        """Remove such a registration."""
        await self._act(step, *self._named(step, Global.unregister, DistributedRegistry.unregister))

    def _named(self, step: Mapping[str, Any], named: Any, keyed: Any) -> tuple[Any, ...]:
        if "name" in step:
            return named, step["name"]
        return keyed, step["registry"], _hashable(step["key"])

    async def join(self, step: Mapping[str, Any]) -> None:
        """Let the process `as` join a group."""
        await self._act(step, pg.join, step["group"])

    async def leave(self, step: Mapping[str, Any]) -> None:
        """Let it leave the group."""
        await self._act(step, pg.leave, step["group"])

    async def end(self, step: Mapping[str, Any]) -> None:
        """End a process with reason `normal`."""
        send(self.actors[step["as"]], None)
        await self.ends[step["as"]]

    # Children and calls

    async def start_child(self, step: Mapping[str, Any]) -> None:
        """Start a child of a distributed supervisor."""
        path, _, name = step["start"].partition(":")
        cls: Any = getattr(self.module, name)
        if path != Path(str(getattr(self.module, "__file__", ""))).name:
            raise ScenarioError(f"expected a class of the program, got {step['start']!r}")
        options = {"id": _hashable(step["id"])} if "id" in step else {}
        child, prefer = cls.child_spec(step.get("arg"), **options), step.get("prefer")
        supervisor = step["supervisor"]
        await self.sim.on(step["on"], lambda: DistributedSupervisor.start_child(supervisor, child, on=prefer))

    async def terminate_child(self, step: Mapping[str, Any]) -> None:
        """Terminate a child of a distributed supervisor."""
        id = _hashable(step["id"])
        await self.sim.on(step["on"], DistributedSupervisor.terminate_child, step["supervisor"], id)

    async def call(self, step: Mapping[str, Any]) -> None:
        """Call a process, and save its reply."""
        pid = self._owner(step["on"], step)
        if pid is None:
            raise CallExit("noproc", step.get("name"), step["request"])
        reply = await self.sim.on(step["on"], GenServer.call, pid, step["request"])
        self.replies[step.get("save", "reply")] = reply

    def _owner(self, on: str, of: Mapping[str, Any]) -> Any:
        view = self.sim.view(on)
        match of:
            case {"name": name}:
                return view.names.get(name)
            case {"registry": registry, "key": key}:
                found: Any = view.registries.get(registry, {}).get(_hashable(key))
                return found[0] if isinstance(found, list) and found else found or None
            case {"supervisor": supervisor, "child": id} | {"of": supervisor, "child": id}:
                return view.supervisors.get(supervisor, {}).get(_hashable(id))
            case _:
                raise ScenarioError("expected name, or registry and key, or supervisor and child")

    # Expectations

    async def expect(self, step: Mapping[str, Any]) -> tuple[Any, Any] | None:
        """Return what was expected and what was found, if that differs now, after `within`, or once during `for`."""
        loop = asyncio.get_running_loop()
        expected, until = step["expect"], loop.time() + step.get("within", step.get("for", 0))
        while True:
            found = self._find(step.get("on") or next(iter(self.sim.alive), ""), expected)
            is_met = all(found[key] == value for key, value in expected.items() if key in found)
            if is_met != ("for" in step) or loop.time() >= until:
                return None if is_met else (expected, found)
            await self._let_time_pass()

    async def _let_time_pass(self) -> None:
        await asyncio.sleep(self.sim.settings.heartbeat / 4)

    def _find(self, on: str, expected: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present values of what is expected."""
        match expected:
            case {"ended": name}:
                end = self.ends.get(name)
                if end is None or not end.done():
                    return {"ended": f"{name} runs" if end else f"{name} has not begun"}
                return {"ended": name, "reason": _words(end.result())[0]}
            case {"reply": name}:
                return {"equals": self.replies.get(name, "no reply")}
            case _ if on not in self.sim.alive:
                return dict.fromkeys(expected, f"member {on} does not run")
            case {"members": _}:
                return {"members": sorted(self.sim.view(on).members)}
            case {"lost": _}:
                return {"lost": sorted(self.sim.view(on).lost)}
            case {"owner": _}:
                pid = self._owner(on, expected)
                return {"owner": None if pid is None else pid.node}
            case {"group": group}:
                groups = self.sim.view(on).groups
                return {"size": sum(len(pids) for (_, name), pids in groups.items() if name == group)}
            case _:
                seen = [name for name in self.sim.view(on).members if name in self.sim.alive]
                pids = {(pid.node, pid.number) for name in seen if (pid := self._owner(name, expected)) is not None}
                return {"runs": len(pids), "at": min(node for node, _ in pids) if pids else None}


async def _serve() -> None:
    """Run what the steps of a process ask for, until it is to end."""
    while (job := await receive()) is not None:
        fn, args, done = job
        try:
            result = fn(*args)
            if asyncio.iscoroutine(result):
                result = await result
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(result)


def _words(reason: Any) -> Sequence[Any]:
    """Return a reason, or the first element of one that is a tuple, as texts to compare with."""
    first = reason[0] if isinstance(reason, tuple) and reason else reason
    return [first if isinstance(first, str) else repr(first)]


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
