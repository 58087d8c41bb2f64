"""The stage of a scenario whose members are programs: killed and stalled by signals, cut off in their sessions."""

# Answers of members hold terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ast
import asyncio
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from otp.cluster.leases import LeaseUnavailable
from otp.cluster.scenarios.actors import Outcome
from otp.cluster.scenarios.lines import LIMIT, read_line, write_line
from otp.cluster.scenarios.playing import Verdict, run_steps
from otp.cluster.scenarios.scenario import Program, Scenario, ScenarioError
from otp.cluster.scenarios.stores import open_store
from otp.cluster.simulation.history import Event, History
from otp.cluster.simulation.rules import check_history
from otp.cluster.simulation.simulated_cluster import pairs_apart
from otp.cluster.simulation.simulated_leases import STORE
from otp.cluster.simulation.view import differing_views
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.sentences import say

__all__ = ["play_real"]

_START_S: Final = 30.0
_STOP_S: Final = 60.0
_LOOKS: Final = 4
"""Looks per heartbeat while members converge."""


async def play_real(scenario: Scenario, leases: Mapping[str, Any] | None = None) -> Verdict:
    """Play a scenario on real members: programs of this machine, which end with it. Raises `ScenarioError`.

    Args:
        scenario: the scenario.
        leases: the arguments of `PostgresLeases` or `EtcdLeases`, for a scenario with leases.

    ```
    verdict = asyncio.run(play_real(read_scenario(Path("worker_moves.json"))))
    ```
    """
    if scenario.leases and leases is None:
        raise ScenarioError(f"{scenario.name}: real members need a store of leases; try --leases")
    Program(scenario)  # a mistake in it is reported once, and not by each member
    # Short, because it has the sockets of the members, and private to this user.
    folder = Path(tempfile.mkdtemp(prefix="otp-"))
    stage = _RealMembers(scenario, folder, dict(leases or {}) if scenario.leases else {})
    try:
        await stage.open()
        failed = await run_steps(stage, scenario)
    finally:
        await stage.close()
        history = stage.read_history()
        await stage.clear_store()
        shutil.rmtree(folder, ignore_errors=True)
    return Verdict(failed, check_history(history), history)


class _RealMember:
    """A member in a program of its own."""

    def __init__(self, name: str, program: asyncio.subprocess.Process) -> None:
        self.name = name
        self.program = program
        self.incarnation = 0
        self.stalled = False
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._problem = "the member has not begun"
        """The reason why it answers no more, if it does not."""
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def begin(self, end: socket.socket, given: Mapping[str, Any]) -> None:
        """Tell the program what it is, and wait until it has joined. Raises `ScenarioError`."""
        try:
            reader, self._writer = await asyncio.open_connection(sock=end, limit=LIMIT)
        except BaseException:
            end.close()
            raise
        write_line(self._writer, given)
        self._problem = ""
        self._answers[0] = joined = asyncio.get_running_loop().create_future()
        self._reading = asyncio.ensure_future(self._read(reader))
        try:
            self.incarnation = await asyncio.wait_for(joined, _START_S)
        except TimeoutError:
            raise ScenarioError(f"member {self.name} did not start: it has not joined after {_START_S:.0f} s") from None
        except RuntimeError as error:
            raise ScenarioError(str(error)) from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        self._problem = await self._read_answers(reader)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(RuntimeError(self._problem))

    async def _read_answers(self, reader: asyncio.StreamReader) -> str:
        """Handle answers until there are no more; return why."""
        try:
            while (line := await read_line(reader)) is not None:
                number, result = line
                answer = self._answers.pop(number, None)
                if answer is not None and not answer.done():
                    if isinstance(result, dict) and "failed" in result:
                        answer.set_exception(RuntimeError(result["failed"]))
                    else:
                        answer.set_result(result)
        except (SyntaxError, TypeError, ValueError) as error:
            return f"member {self.name} sent a line that cannot be read: {error}"
        return "the member has ended"

    async def ask(self, verb: str, given: Any = None) -> Any:
        """Let the member carry out a command; return its answer. Raises `RuntimeError` if it fails or ends."""
        if self._writer is None or self._problem:
            raise RuntimeError(self._problem)
        self._number += 1
        self._answers[self._number] = answer = asyncio.get_running_loop().create_future()
        write_line(self._writer, (self._number, verb, given))
        return await answer

    async def finish(self, number: signal.Signals | None) -> None:
        """End the program, by a signal or by closing its socket, and wait for its end."""
        if number is not None:
            with suppress(ProcessLookupError):
                self.program.send_signal(number)
        elif self._writer is not None:
            self._writer.close()
        await self.program.wait()
        if self._reading is not None:
            await self._reading
        if self._writer is not None:
            self._writer.close()


class _RealMembers:
    """A `Stage`."""

    def __init__(self, scenario: Scenario, folder: Path, leases: dict[str, Any]) -> None:
        self.heartbeat: float = scenario.settings.heartbeat
        # Runs share a store, and none of its keys.
        self._leases = leases and {**leases, "namespace": f"scenario-{secrets.token_hex(8)}"}
        self._stalled_store = False
        self._scenario = scenario
        self._folder = folder
        self._cookie = secrets.token_hex(16)
        self._members: dict[str, _RealMember] = {}
        self._failed: list[_RealMember] = []
        """Members that did not join; they are ended with the run."""
        self._faults: dict[tuple[str, str], list[tuple[str, str, Any]]] = {}
        """Faults of frames by `(target, source)`, also for a target that starts later."""
        self._skews: dict[str, float] = {}
        self._begun = 0
        self._over = 0.0
        self._began = time.monotonic()
        self._history = History(lambda: time.monotonic() - self._began)

    async def open(self) -> None:
        """Start all members; return when they agree."""
        settings = self._scenario.settings
        times = {"heartbeat": settings.heartbeat, "dead": settings.dead, "settle": self._scenario.settle}
        if self._leases:
            times["lease_ttl"] = 2 * settings.lease_ttl  # a real store may find the end of a session that late
        self._history.add("", "began", **times)
        starts = [asyncio.ensure_future(self._start(name)) for name in self._scenario.members]
        try:
            await asyncio.gather(*starts)
        finally:  # if one fails, no other may go on after the end of the run
            for start in starts:
                start.cancel()
            await asyncio.wait(starts)
        try:
            await self._converge(_START_S)
        except TimeoutError as error:
            raise ScenarioError(f"{self._scenario.name}: {error}") from None

    async def close(self) -> None:
        """End all members; what they record meanwhile is not part of the run."""
        self._over = self._history.now
        members = (*self._members.values(), *self._failed)
        await asyncio.gather(*(member.finish(signal.SIGKILL) for member in members))

    async def clear_store(self) -> None:
        """Delete what the members have left in the store of leases, if it answers."""
        if self._leases:
            try:
                await open_store(self._leases).clear()
            except LeaseUnavailable as error:
                say(logging.WARNING, "namespace %s was not deleted: %s", self._leases["namespace"], error.reason[1])

    def read_history(self) -> list[Event]:
        """Return the events of the stage and of all its members, in order."""
        events = self._history.events
        for file in sorted(self._folder.glob("*.history")):
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            events += [Event(*ast.literal_eval(line)) for line in lines if line.endswith("\n")]
        return sorted((event for event in events if event.at <= self._over), key=lambda event: event.at)

    @property
    def alive(self) -> list[str]:
        return list(self._members)

    def _on(self, name: str) -> _RealMember:
        member = self._members.get(name)
        if member is None:
            raise BadArgument(f"no member {name!r} runs here; try one of {', '.join(self.alive) or 'none'}")
        return member

    # Members

    async def _start(self, name: str) -> None:
        if name in self._members:
            raise BadArgument(f"member {name} is running")
        mine, its = socket.socketpair()
        scenario, self._begun = self._scenario, self._begun + 1
        with its, ExitStack() as unused:
            unused.callback(mine.close)
            program = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "otp.cluster.scenarios.member_program", str(its.fileno())),
                pass_fds=[its.fileno()], stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=os.environ | {"XDG_RUNTIME_DIR": str(self._folder)},
            )  # fmt: skip
            unused.pop_all()
        member = self._members[name] = _RealMember(name, program)
        try:
            await member.begin(mine, {
                "name": name, "cookie": self._cookie, "folder": str(self._folder), "began": self._began,
                "history": str(self._folder / f"{self._begun:03}.history"), "settings": asdict(scenario.settings),
                "settle": scenario.settle, "program": scenario.program and str(scenario.program.absolute()),
                "children": scenario.children, "skew": self._skews.get(name, 0.0),
                "faults": [*self._faults_of(name)], "leases": self._leases,
            })  # fmt: skip
        except BaseException:
            self._failed.append(self._members.pop(name))
            raise
        self._note("started", member)

    def _faults_of(self, name: str) -> Iterator[tuple[str, str, Any]]:
        """Return the faults of a member: of frames that it gets, and on its way to the store of leases."""
        for (target, source), faults in self._faults.items():
            if target == name:
                yield from faults
            elif (target, source) == (STORE, name):
                yield from ((kind, STORE, value) for kind, _, value in faults)
        if self._stalled_store:
            yield ("cut", STORE, None)

    def _note(self, kind: str, member: _RealMember) -> None:
        self._history.add(
            "" if kind in ("killed", "stopped") else member.name, kind, of=member.name, incarnation=member.incarnation
        )

    async def act(self, on: str, step: Mapping[str, Any]) -> Outcome:
        return Outcome(*await self._on(on).ask("act", dict(step)))

    async def view(self, on: str) -> dict[str, Any]:
        return await self._look(self._on(on), [])

    async def _look(self, member: _RealMember, others: list[tuple[str, int]]) -> dict[str, Any]:
        if member.stalled:
            raise BadArgument(f"member {member.name} is stalled, and shows nothing")
        return await member.ask("look", others)

    async def ended(self, on: str, name: str) -> str | None:
        return await self._on(on).ask("ended", name)

    # Faults

    async def fault(self, step: Mapping[str, Any]) -> dict[str, str]:
        match step:
            case {"do": "start", "member": name}:
                await self._start(name)
            case {"do": "kill" | "stop" as verb, "member": name}:
                return await self._end(self._on(name), verb)
            case {"do": "stall" | "resume" as verb, "member": name} if name == STORE and self._leases:
                self._stalled_store = verb == "stall"
                if self._stalled_store:
                    await self._send_faults([(member, ("cut", STORE, None)) for member in self._members])
                else:
                    await self._mend_store()
                self._history.add("", "store_stalled" if self._stalled_store else "store_resumed")
            case {"do": "stall" | "resume" as verb, "member": name}:
                member = self._on(name)
                member.stalled = verb == "stall"
                member.program.send_signal(signal.SIGSTOP if member.stalled else signal.SIGCONT)
                self._note("stalled" if member.stalled else "resumed", member)
            case {"do": "skew", "member": name, "seconds": seconds}:
                self._skews[name] = seconds
                if name in self._members:
                    await self._on(name).ask("skew", seconds)
                self._history.add(name, "skew", seconds=seconds)
            case {"do": "converge"}:
                await self._converge(step.get("within", 60))
            case _:
                await self._change_network(step)
        return {}

    async def _end(self, member: _RealMember, verb: str) -> dict[str, str]:
        ends: dict[str, str] = {}
        if verb == "stop":
            ends = await asyncio.wait_for(member.ask("stop"), _STOP_S)
        del self._members[member.name]
        await member.finish(signal.SIGKILL if verb == "kill" else None)
        self._note("killed" if verb == "kill" else "stopped", member)
        return ends

    async def _change_network(self, step: Mapping[str, Any]) -> None:
        a, b = step.get("from", ""), step.get("to", "")
        match step:
            case {"do": "cut"}:
                await self._cut([(a, b)] if step.get("one_way") else [(a, b), (b, a)])
            case {"do": "partition", "sides": sides}:
                await self._cut([pair for a, b in pairs_apart(sides) for pair in ((a, b), (b, a))])
            case {"do": "drop" | "delay" as kind}:
                value = step["share"] if kind == "drop" else step["seconds"]
                if value < 0 or (kind == "drop" and value > 1):
                    raise BadArgument(f"{kind}: expected {'0 to 1' if kind == 'drop' else '0 or more'}, got {value!r}")
                await self._set([(target, (kind, source, value)) for source, target in ((a, b), (b, a))])
            case _:
                healed, self._faults = self._faults, {}
                await self._send_faults([(target, ("heal", source, None)) for target, source in healed])
                await self._mend_store()
        data = {key: value for key, value in step.items() if key not in ("do", "raises")}
        self._history.add("", "cut" if step["do"] == "partition" else step["do"], **data)

    async def _cut(self, pairs: list[tuple[str, str]]) -> None:
        """Lose all frames from the first member of each pair to the second one."""
        await self._set([(target, ("cut", source, None)) for source, target in pairs])

    async def _set(self, faults: list[tuple[str, tuple[str, str, Any]]]) -> None:
        for target, fault in faults:
            self._faults.setdefault((target, fault[1]), []).append(fault)
        await self._send_faults(faults)

    async def _mend_store(self) -> None:
        """Tell each member what is left of its faults on the way to the store of leases."""
        for name in list(self._members):
            left = [fault for fault in self._faults_of(name) if fault[1] == STORE]
            await self._send_faults([(name, fault) for fault in [("heal", STORE, None), *left]])

    async def _send_faults(self, faults: list[tuple[str, tuple[str, str, Any]]]) -> None:
        # Faults of a store are for the member on the other end. A stalled member reads it once it goes on.
        to = [(source, (kind, STORE, value)) for target, (kind, source, value) in faults if target == STORE]
        to += [(target, fault) for target, fault in faults if target != STORE]
        asked = [(self._members[target], fault) for target, fault in to if target in self._members]
        asked_all = [asyncio.ensure_future(member.ask("fault", fault)) for member, fault in asked]
        await asyncio.gather(*(one for one, (member, _) in zip(asked_all, asked, strict=True) if not member.stalled))

    # Agreement

    async def _converge(self, seconds: float) -> None:
        """Wait until members that reach each other agree, and all tables have settled. Raises `TimeoutError`."""
        deadline = time.monotonic() + seconds
        while True:
            active = [member for member in self._members.values() if not member.stalled]
            ids = [(member.name, member.incarnation) for member in active]
            looks = await asyncio.gather(*(self._look(member, ids) for member in active))
            views = {member.name: look for member, look in zip(active, looks, strict=True)}
            problem = self._disagreement(views, dict(ids))
            if problem is None:
                break
            if time.monotonic() >= deadline:
                raise TimeoutError(f"the members do not agree after {seconds} s: {problem}")
            await self._next_look()
        self._history.add("", "converged", views=views)

    async def _next_look(self) -> None:
        """Let time pass: members tell no one of a change."""
        await asyncio.sleep(self.heartbeat / _LOOKS)

    def _disagreement(self, views: Mapping[str, dict[str, Any]], expected: Mapping[str, int]) -> str | None:
        for name, view in views.items():
            reached = {other: expected[other] for other in views if self._reaches(name, other, views)}
            if view["members"] != reached:
                return f"{name} sees {', '.join(view['members'])}, and reaches {', '.join(reached)}"
        for name, view in views.items():
            if view["unsettled"]:
                return f"{' '.join(map(str, view['unsettled'][0]))} of {name} has yet to settle"
        return differing_views(views)

    def _reaches(self, one: str, other: str, views: Mapping[str, dict[str, Any]]) -> bool:
        if one == other:
            return True
        lost = {("cut", None), ("drop", 1)}
        for pair in ((one, other), (other, one)):
            if any((kind, value) in lost for kind, _, value in self._faults.get(pair, ())):
                return False
        sides = ((one, other), (other, one))
        return any(there in views[here]["again"] for here, there in sides) or not any(
            there in views[here]["apart"] for here, there in sides
        )
