"""The vocabulary of checks: it starts what an answer defines, asks it, and judges what it does.

A check judges messages, answers, ends, restarts and times, and never source text or the shape of a state.
"""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import contextlib
import inspect
import itertools
import re
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from random import Random
from types import CodeType, ModuleType
from typing import Any, Final, Literal

import otp
from otp import Supervisor
from otp.observer.hints import explain_spec
from otp.testing import advance, mailbox, wait_all_idle
from otp.trace import Event, node_of, subscribe
from superlearner.course.engine.by_hand import LATE, ByHand
from superlearner.course.engine.callers import Caller, Inbox
from superlearner.course.engine.client import Client
from superlearner.course.engine.defined import Defined
from superlearner.course.engine.ends import LONGEST, end_of, failed_child, raised, still_waiting
from superlearner.course.engine.excerpt import GIVES_UP, Excerpt, name_after
from superlearner.course.engine.lines import AnswerLines
from superlearner.course.engine.outcome import CourseCallback, CourseFigure, Outcome
from superlearner.course.engine.pictured import Mailbox, watched
from superlearner.course.engine.readable import describe_failed_start, readable
from superlearner.course.engine.trace import Trace
from superlearner.course.engine.tree import Tree, start_tree
from superlearner.course.engine.values import apart, cut, render, same
from superlearner.course.engine.verdict import CourseMark, CourseRow, CourseStep, Wrong, wrong_marks

__all__ = ["Scenario"]

RESTART_S: Final = 1.0
TERMS: Final = re.compile(r"#Ref<[\d.]+>|<\d+\.\d+\.\d+>")


class Scenario(Defined):
    """A run of a check under one seed, inside a testing scheduler; made by the child.

    Args:
        answer: the module of the learner.
        seed: the seed of the scheduler.
        code: the code object of the answer; None for a scenario of the course itself.
        records: whether messages are recorded, for excerpts and for checks that read them.
    """

    def __init__(self, answer: ModuleType, seed: int, code: CodeType | None = None, records: bool = True) -> None:
        super().__init__(answer)
        self._lines = AnswerLines(code, answer)
        self.seed = seed
        self.steps: list[CourseStep] = []
        self.at_step: Callable[[], object] = lambda: None
        """Called at each step and at the end."""
        self.figures: list[CourseFigure] = []
        self.callbacks: list[CourseCallback] = []
        self.mailbox: Mailbox | None = None
        self.marks: tuple[CourseMark, ...] = ()
        """The rows of the answer, as far as the current step has judged them."""
        self._spans: dict[str, tuple[int, int]] = {}
        self._step: str | None = None
        self._shows: str | None = None
        self._under = False
        self._ends: dict[otp.Pid, tuple[Any, str | None, str | None]] = {}
        self._parents: dict[otp.Pid, otp.Pid | None] = {}
        self._whats: dict[otp.Pid, str] = {}
        self.random: Random = Random(seed)
        """Draws the values of a check; the same under the same seed."""
        self._note = ""
        self.trace = Trace(records=records)
        self._names: dict[otp.Pid, str] = {}
        self._labels: dict[str, str] = {}
        self._refs = 0
        self._me = otp.self()
        self._started = otp.monotonic()
        """The time of the clock at which excerpts begin; a virtual clock begins at 0."""
        self._excerpt = Excerpt(self._me)
        self._begun = 0.0
        self._node = node_of(self._me)
        self._before = set(otp.processes())
        self._kept: set[otp.Pid] = set()
        self._supervisors: list[otp.Pid] = []
        self._reader = subscribe(self._node, self._take, kinds=self.trace.kinds)
        self.name(self._me, "check")

    # Results of a run

    def figure(self, name: str, value: float | str, unit: str = "", of: str = "") -> None:
        """Add a measured value; those of one name are compared, and `of` says what each is about."""
        self.figures.append(CourseFigure(name, value, unit, of))

    def watched(self, server: type[Any]) -> type[Any]:
        """Return a server like this one whose callbacks are in the picture of the run."""
        return watched(server, self, self.callbacks)

    def observe_mailbox(self, of: otp.Pid) -> Mailbox:
        """Show the mailbox of a process in the picture of the run."""
        self.mailbox = Mailbox(self, of)
        return self.mailbox

    def happens(self, text: str, of: otp.Pid | None = None) -> None:
        """Add a row for something other than a message that a process does, by default the running one."""
        at = round(otp.monotonic() * 1e9)
        self._take(Event(0, at, self._node.name, "happens", of or otp.self(), 0, {"text": text}))

    def gets(self, error: otp.CallExit) -> None:
        """Add a row for the failure of a call to its caller, the running process."""
        self.happens(f"gets {type(error).__name__}")

    def outcome(self, happened: str) -> Outcome:
        """Return the outcome of the run up to now."""
        mailbox = () if self.mailbox is None else tuple(self.mailbox.steps)
        return Outcome(happened, self.whole(), tuple(self.figures), tuple(self.callbacks), mailbox)

    # Steps and judgement

    def step(self, says: str, m: str | None = None) -> None:
        """Begin the next numbered item of the contract; the one before holds.

        Args:
            says: the item.
            m: the misconception that a wrong value shows in it, where `expect` and `same` name no other.
        """
        if not self._under:
            self._pass()
            self._step = says
        self._shows = m
        self.marks = ()
        self._spans = {}
        self._begun = 0.0
        self._refs = 0
        self._excerpt.begin()

    @contextlib.contextmanager
    def under(self, says: str) -> Generator[None, None, None]:
        """Begin one step that holds the steps of another check: what an earlier exercise asks for still holds."""
        self.step(says)
        outer, self._under = self._under, True
        yield
        self._under = outer

    def note(self, say: str) -> None:
        """Say something about the current step although it holds."""
        self._note = say

    @contextlib.contextmanager
    def showing(self, key: str) -> Generator[None, None, None]:
        """Let the excerpt show what happens inside if the row with this key is the first wrong one."""
        since = self.mark()
        yield
        self._spans[key] = since, self.mark()

    def judge(self, marks: Iterable[CourseMark], *, sent: bool = True, first: str = "") -> None:
        """Mark each row of the answer; raise `Wrong` unless all are right.

        `sent`: whether the last event shown is the mistake; False if the answer predicts a correct run.
        `first`: what is said the first time, without the marks.
        """
        self.marks = tuple(marks)
        for mark in self.marks:
            if not mark.ok and mark.key in self._spans:
                self.show(*self._spans[mark.key])
                break
        if wrong := wrong_marks(self.marks):
            wrong.sent, wrong.first = sent, first
            raise wrong

    def done(self) -> None:
        """End the last step: it holds."""
        self._pass()

    def failed(self, wrong: Wrong) -> None:
        """End the current step: it does not hold."""
        self.steps.append(CourseStep(self._step or "your code can be imported", ok=False, say=wrong.say))

    def _pass(self) -> None:
        self.at_step()
        if self._step is not None:
            self.steps.append(CourseStep(self._step, ok=True, say=self._note))
        self._step, self._note = None, ""

    def expect(self, holds: object, say: str, m: str | None = None) -> None:
        """Raise `Wrong` unless `holds` is exactly True."""
        if holds is not True:
            raise Wrong(say, m or self._shows)

    def same(self, got: Any, wanted: Any, say: str = "", m: str | None = None) -> None:
        """Raise `Wrong` unless two plain values are of the same type and equal."""
        if not same(got, wanted):
            expected, instead = apart(wanted, got)
            raise Wrong(say or f"expected {expected}, got {instead}", m or self._shows)

    # Processes

    def name(self, pid: otp.Pid, name: str) -> otp.Pid:
        """Call a process by a name in excerpts."""
        self._names[pid] = name
        self._labels[str(pid)] = name
        return pid

    def has_name(self, pid: otp.Pid) -> bool:
        """Return whether the check calls a process by a name."""
        return pid in self._names

    def name_ref(self, ref: otp.Ref, name: str) -> otp.Ref:
        """Call a reference by a name in the messages of a picture."""
        self._labels[str(ref)] = name
        return ref

    def numbered_ref(self) -> otp.Ref:
        """Return a new reference, called `ref 1` and so on in the excerpt of a step."""
        self._refs += 1
        return self.name_ref(otp.make_ref(), f"ref {self._refs}")

    def worded(self, text: str) -> str:
        """Return a text with the names of processes and references in the place of their numbers."""
        return TERMS.sub(lambda found: self._labels.get(found[0], found[0]), text)

    async def start(self, what: str, made: Any, name: str) -> otp.Pid:
        """Return the pid that a start function of the answer returns; the process may stay until the end."""
        pid = await self.asked(what, made)
        if not isinstance(pid, otp.Pid):
            raise Wrong(f"expected {what} to return the pid of a process, got {render(pid)}")
        if not otp.is_alive(pid):
            raise Wrong(f"expected {what} to return a living process, but it has ended")
        self._kept.add(pid)
        return self.name(pid, name)

    async def supervise(
        self,
        child: Any,
        strategy: Literal["one_for_one", "one_for_all", "rest_for_one"] = "one_for_one",
        max_restarts: int = 3,
        max_seconds: float = 5,
    ) -> otp.Pid:
        """Start a supervisor of this child, and return its pid."""
        return await self.supervise_all([child], strategy, max_restarts, max_seconds)

    async def supervise_all(
        self,
        children: Sequence[Any],
        strategy: Literal["one_for_one", "one_for_all", "rest_for_one"] = "one_for_one",
        max_restarts: int = 3,
        max_seconds: float = 5,
    ) -> otp.Pid:
        """Start a supervisor of these children, and return its pid."""
        supervisor = await self.asked(
            "starting it under a supervisor",
            Supervisor.start_link_children(
                children, strategy=strategy, max_restarts=max_restarts, max_seconds=max_seconds
            ),
        )
        otp.unlink(supervisor)
        self._supervisors.append(supervisor)
        self._excerpt.supervises(supervisor)
        return self.name(supervisor, "supervisor")

    async def start_linked(self, what: str, made: Any, name: str) -> otp.Pid:
        """Return the pid of a supervisor that the answer starts; a failed start does not end the check."""
        traps = otp.process_flag("trap_exit", True)
        try:
            pid = await self.start(what, made, name)
            otp.unlink(pid)
        finally:
            otp.process_flag("trap_exit", traps)
        return pid

    async def children(self, supervisor: otp.Pid) -> dict[Any, otp.Pid]:
        """Return the living children of a supervisor, by id, oldest first."""
        found = await Supervisor.which_children(supervisor)
        living = {each.id: each.pid for each in reversed(found) if isinstance(each.pid, otp.Pid)}
        for id, pid in living.items():
            self.running(pid, id.__name__ if isinstance(id, type) else str(id))
        return living

    def running(self, pid: otp.Pid, name: str) -> None:
        """Let a process stay until the end, and call it by a name if it has none; the second of it is the `new` one."""
        self._kept.add(pid)
        if pid not in self._names:
            self.name(pid, f"new {name}" if name in self._names.values() else name)

    async def tree(self, name: str, *args: Any, called: str = "", by_id: bool = False) -> Tree:
        """Start a supervisor class of the answer, by `start_link`, and return it with all processes below it.

        Args:
            name: that of the class.
            args: those of `start_link`.
            called: its name in sentences and excerpts, by default that of the class.
            by_id: label its processes by their ids, where the task leaves their names open.
        """
        return await start_tree(self, name, args, called or name, by_id=by_id)

    def process(self, name: str, *args: Any, called: str = "", **options: Any) -> ByHand:
        """Start a process that runs a function of the answer.

        Args:
            name: that of the function.
            args: those of the function.
            called: the name of the process in sentences and excerpts, by default that of the function.
            options: further arguments, by their names.
        """
        function = self.need(name)
        if not callable(function):
            raise Wrong(f"expected {name} to be a function, got {render(function)}")
        if isinstance(function, type) and not hasattr(function, "__await__"):
            raise Wrong(f"{self.line_of(name)}expected {name} to be an async function, got a class")
        try:
            pid = otp.spawn(function, *args, **options)
        except TypeError as error:
            named = (f"{key}={self.describe(value)}" for key, value in options.items())
            started = f"{name}({', '.join((*map(self.describe, args), *named))})"
            raise Wrong(f"{self.line_of(name)}a process is started as {started}: {error}") from None
        self._kept.add(pid)
        return ByHand(self, self.name(pid, called or name), called or name)

    def describe(self, value: Any) -> str:
        """Return an argument as sentences show it."""
        if isinstance(value, otp.Pid):
            return self.called(value)
        return getattr(value, "__name__", self.worded(render(value)))

    def client(self, name: str, calls: str = "", casts: str = "") -> Client:
        """Return the client functions of a server class of the answer.

        Args:
            name: that of the class.
            calls: the functions that wait for an answer, separated by spaces.
            casts: the functions that wait for nothing.
        """
        return Client(self, name, calls.split(), casts.split())

    def name_registered(self) -> None:
        """Call processes that have no name yet by the one under which they are registered."""
        for name in otp.registered():
            if (pid := otp.whereis(name)) is not None and pid not in self._names:
                self.name(pid, str(name))

    def adopt(self, pid: otp.Pid, name: str) -> otp.Pid:
        """Name a process that a function of the answer has started; it may stay until the end."""
        self._kept.add(pid)
        return self.name(pid, name)

    def caller(self, name: str = "client") -> Caller:
        """Start a process in which functions of the answer are called."""
        caller = Caller(self, name)
        self._kept.add(caller.pid)
        return caller

    def inbox(self, name: str) -> Inbox:
        """Start a process that keeps what is sent to it."""
        inbox = Inbox(self, name)
        self._kept.add(inbox.pid)
        return inbox

    def started_by(self, pid: otp.Pid) -> set[otp.Pid]:
        """Return the living processes that a process started, and those that they started."""
        found: set[otp.Pid] = {pid}
        for child, parent in self._parents.items():  # a parent is before its children
            if parent in found:
                found.add(child)
        return {each for each in found - {pid} if otp.is_alive(each)}

    async def kill(self, pid: otp.Pid) -> None:
        """Kill a process, and wait until all others have reacted."""
        otp.exit(pid, "kill")
        await otp.wait_down(pid)
        await self.settle()

    async def settle(self) -> None:
        """Run until nothing is ready."""
        await wait_all_idle()

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        await advance(seconds)

    # Asking

    async def at_once(self, server: otp.Pid, *clients: Callable[[], Awaitable[None]]) -> None:
        """Run each of these in a process of its own; raise the first `Wrong` of them.

        A server with callbacks is suspended until each has sent its first message, so under every seed they ask at the
        same time. A process written by hand cannot be suspended; the seed decides when it runs.
        """
        failed: list[Wrong] = []

        async def run(client: Callable[[], Awaitable[None]]) -> None:
            try:
                await client()
            except Wrong as wrong:
                failed.append(wrong)

        suspended = otp.process_info(server, "current_function") is None
        with contextlib.suppress(otp.CallExit):
            if suspended:
                await otp.sys.suspend(server)
        pids = [self.name(otp.spawn(run, client), f"client {n}") for n, client in enumerate(clients, 1)]
        await self.settle()
        with contextlib.suppress(otp.CallExit):
            if suspended:
                await otp.sys.resume(server)
        for pid in pids:
            await otp.wait_down(pid)
        if failed:
            raise failed[0]

    async def asked(self, what: str, made: Any, server: otp.Pid | None = None) -> Any:
        """Return the value of an awaitable that the answer has made; raise `Wrong` for what became of it instead."""
        if not inspect.isawaitable(made):
            raise Wrong(f"expected {what} to be awaited, a call; it returned {render(made)} at once")
        return await self.settled(what, made, server)

    async def settled(self, what: str, made: Awaitable[Any], server: otp.Pid | None = None) -> Any:
        """Await it; raise `Wrong` if it fails."""
        try:
            value = await made
            if inspect.iscoroutine(value):
                line = self._lines.of_coroutine(value)
                value.close()
                raise Wrong(f"{line}{what} answered a coroutine: `await` is missing before a call inside it")
            return value
        except otp.CallTimeout as error:
            self.gets(error)
            raise self._unanswered(what, server) from None
        except otp.ServerDown as error:
            self.gets(error)
            raise self.end_of(f"{what}: the server ended: ", error.cause_reason, self._end(server)[1]) from None
        except otp.NoProcess as error:
            self.gets(error)
            raise self.ended(server, f"{what}: the server has ended before: ") from None
        except otp.StartError as error:
            child, reason = failed_child(error.reason)
            if said := explain_spec(reason):  # of a child spec or a flag
                owner = next((self._whats.get(pid, "") for pid, (why, *_) in self._ends.items() if why is reason), "")
                line = self._lines.of_spec(owner, reason)
                raise Wrong(f"{line}{what}{' failed' if child else ''}: {child}{cut(said, LONGEST)}") from None
            raise self.end_of(f"{what} failed: {child}", reason, "init") from None
        except Wrong:
            raise
        except Exception as error:
            raise raised(f"{self.line_of_reason(error)}{what}", error) from None

    def ended(self, server: otp.Pid | None, said: str) -> Wrong:
        """Return the fault of a server that should be alive: `said` and why it ended."""
        reason, callback = self._end(server)
        if isinstance(reason, str) and callback is not None:
            return Wrong(f"{said}{callback} stopped it with the reason {reason!r}")
        found = self.end_of(said, reason, callback)
        return Wrong(found.say, found.misconception)

    def end_of(self, said: str, reason: Any, callback: str | None = None) -> Wrong:
        """Return the fault of a process that ended with a reason, with its line; a callback that is known is named."""
        if line := self.line_of_reason(reason):
            return end_of(f"{line}{said}", reason, callback)
        found = next((one for one in reversed(self._ends.items()) if one[1][0] is reason), None)
        if found is None or callback not in (None, found[1][1]) or (callback := found[1][1]) is None:
            return end_of(said, reason, callback)
        pid, (_, _, message) = found
        line, why = self._lines.of_result(self._whats.get(pid, ""), callback, reason, message)
        return end_of(f"{line}{said}", reason, callback, why)

    def _end(self, server: otp.Pid | None) -> tuple[Any, str | None]:
        """Return the reason and the callback with which a server ended, as far as the trace knows them."""
        return self._ends.get(server, ("unknown", None))[:2] if server is not None else ("unknown", None)

    def reason_of(self, pid: otp.Pid) -> Any:
        """Return the reason with which a process has ended."""
        return self._end(pid)[0]

    def ended_before(self, pid: otp.Pid) -> bool:
        """Return whether another process had ended with the reason of this one: a link has passed it on."""
        before = itertools.takewhile(lambda one: one != pid, self._ends)
        return any(self.reason_of(one) == self.reason_of(pid) for one in before)

    def _unanswered(self, what: str, server: otp.Pid | None) -> Wrong:
        if server is not None and not otp.is_alive(server):
            return Wrong(f"{what}: the server ended without an answer")
        if server is not None and otp.process_info(server, "status") == "awaiting":
            return still_waiting(what, str(otp.process_info(server, "current_function")))
        for pid, parent in self._parents.items():
            reason = self.reason_of(pid)
            if server is not None and parent == server and isinstance(reason, otp.Crash):
                said = f"{what} got no answer: {self.called(pid)}, which the server started, has ended: "
                crashed = self.end_of(said, reason)
                return Wrong(crashed.say, crashed.misconception or "M31", crashed.look)
        return Wrong(f"{what} got no answer: the server is alive and silent, and its caller waits in vain", "M31")

    def line_of_reason(self, reason: Any) -> str:
        """Return `line 15: `, the line of the answer that raised an error; "" if it was raised elsewhere."""
        return self._lines.of_reason(reason)

    def line_of(self, name: str, *texts: str) -> str:
        """Return `line 15: `, the line of the first of these texts, or of the definition of a name; "" without it.

        See `AnswerLines.of_name`. For sentences only: a verdict never depends on the source.
        """
        return self._lines.of_name(name, *texts)

    def line_of_global(self) -> str:
        """Return `line 15: `, the first line in which a function of the answer assigns to a global name; else ""."""
        return self._lines.of_global()

    # The trace

    def mark(self) -> int:
        """Return the place of the trace now."""
        return len(self.trace.kept)

    def stop_tracing(self) -> None:
        """Keep no more events: for a run of very many messages, which is then three times as fast."""
        self._reader.close()

    def _take(self, event: Event) -> None:
        if event.pid is not None and event.kind == "exited":
            self._ends[event.pid] = event.data["reason"], event.data["callback"], event.data["message"]
        elif event.pid is not None and event.kind == "spawned":
            self._parents[event.pid] = event.data["parent"]
            self._whats[event.pid] = event.data["what"].rpartition(".")[2]
        if self.trace.add(event):
            self._excerpt.take(event)

    def unseen(self) -> AbstractContextManager[None]:
        """Leave what happens inside out of the excerpt, such as the clean-up after a run."""
        return self._excerpt.unseen()

    def show(self, since: int, until: int | None = None, begun: float = 0.0, of: int | None = None) -> None:
        """Let the excerpt show what happened between two marks, after the event at the place `of`; mark the last of it.

        Its times are counted from `begun`, so they match those in the answer.
        """
        self._excerpt.show(since, until, of)
        self._begun = begun

    def excerpt(self, wrong: Wrong | None = None) -> tuple[CourseRow, ...]:
        """Return the messages and ends that the verdict shows, the one in question marked.

        They include the newest row of each process that the sentence of `wrong` names.
        """
        say = "" if wrong is None else wrong.say
        names = {re.escape(name) for pid, name in self._names.items() if pid != self._me}
        named = re.findall(rf"(?<!\w)(?:{'|'.join(sorted(names, key=len, reverse=True))})(?!\w)", say) if names else []
        rows = self._excerpt.rows(self.trace.kept, self._row, set(named), mark=wrong is None or wrong.sent)
        return tuple(replace(row, at=round(row.at - self._begun, 3)) for row in rows) if self._begun else rows

    def whole(self) -> tuple[CourseRow, ...]:
        """Return the messages and ends of a whole run."""
        return self._excerpt.whole(self.trace.kept, self._row)

    def _row(self, event: Event) -> CourseRow | None:
        of, at, data = self.called(event.pid), round(event.at / 1e9 - self._started, 3), event.data
        late = event.kind == "dropped" and data["way"] == "reply"
        if event.kind == "sent" or late:
            text = readable(self.worded(str(data["message"])))[:LONGEST]
            return CourseRow(at, of, self.called(data.get("to")), "late" if late else str(data["way"]), text, False)
        if event.kind == "exited":
            failed = describe_failed_start(data.get("reason"))
            return CourseRow(at, of, None, "note" if failed else "exit", failed or render(data.get("reason")), False)
        if event.kind in ("happens", "gave_up"):
            return CourseRow(at, of, None, "note", readable(data.get("text", GIVES_UP)), False)
        return None

    def called(self, pid: Any) -> str:
        """Return the name of a process, by default that of its function; a timer is what sends without a pid."""
        if pid not in self._names:
            what = self._whats.get(pid, "") if isinstance(pid, otp.Pid) else "timer"
            self._names[pid] = what if what == "timer" else name_after(what, self._names.values())
        return self._names[pid]

    async def end(self) -> None:
        """Stop what was started, and raise `Wrong` for what the answer leaves behind."""
        with self.unseen():
            for supervisor in reversed(self._supervisors):
                otp.exit(supervisor, "shutdown")
                await otp.wait_down(supervisor)
            for pid in self._kept:
                otp.exit(pid, "kill")
            await self.settle()
        if set(otp.processes()) - self._before - {self._me}:
            await self.advance(LATE)  # a helper that sleeps, and then ends by itself, is not left
        if left := set(otp.processes()) - self._before - {self._me}:
            self.step("Nothing is left running at the end.")
            many = "process" if len(left) == 1 else "processes"
            raise Wrong(f"expected nothing to be left running, got {len(left)} {many}")
        if mailbox():
            raise Wrong("expected an empty mailbox of the asker, got messages that were not asked for")
