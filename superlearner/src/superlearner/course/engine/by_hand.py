"""A process that an answer writes by hand: asked in the protocol of the course, and judged by what comes back.

A request is `(tag, …, from_, ref)`, and its answer `(ref, value)`, sent once to `from_`. After `"stop"` the process
ends with `"normal"`, and nothing that it started is left. A message of any other shape is taken and changes nothing.
"""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

import otp
from otp.testing import mailbox
from superlearner.control.missing_awaits import function_name
from superlearner.course.engine.ends import RETURNED, is_typo
from superlearner.course.engine.values import apart, render, same
from superlearner.course.engine.verdict import Wrong

if TYPE_CHECKING:
    from superlearner.course.engine.scenario import Scenario

__all__ = ["ANYTHING", "Asked", "ByHand"]

ANYTHING: Final[Any] = object()
"""Stands for an answer of any value."""
WAITS: Final = "A process that sleeps, or waits for one certain message, takes no other one meanwhile."
STAYS: Final = "A `receive` with a pattern leaves all other messages in the mailbox: take every message, and drop some."
NEAR: Final = 0.01
"""Seconds around a promised time within which an answer is in time."""
LATE: Final = 60.0
"""Seconds after which an answer that should come at once will never come, and a process that is left will not end."""
SILENCE: Final = 90.0
"""Seconds without a message that harm no process."""
REFERENCE: Final = re.compile(r"#Ref<[\d.]+>")
STRANGE: Final = ("an unknown word", (), ("unknown", 1, 2, 3), 42, None)
"""Messages that no exercise knows."""


class Asked:
    """A request on its way, and the answer that is expected to it.

    Args:
        process: the one that was asked.
        request: the request without its sender and reference.
        ref: its reference.
    """

    def __init__(self, process: ByHand, request: tuple[Any, ...], ref: otp.Ref) -> None:
        self._process = process
        self._s = process.s
        self._request = request
        self.ref = ref
        self._begun = otp.monotonic()
        self._since = self._s.mark()
        self.said: str = self._s.worded(render(request[0] if len(request) == 1 else request))
        self.shape: str = f"({render(request)[1:-1].removesuffix(',')}, from_, ref)"

    async def answered(
        self,
        value: Any = ANYTHING,
        at: float = 0.0,
        m: str | None = None,
        silent: str = "M31",
        within: float = 0.0,
    ) -> Any:
        """Return the answer; raise `Wrong` unless it is this value and comes at this time.

        Args:
            value: the expected answer.
            at: seconds after the request; 0 is at once, and no time may pass.
            m: the misconception that another value shows; by default that of the step.
            silent: that of a process that lives and does not answer.
            within: seconds that the answer may take, in the place of `at`.
        """
        if within:
            await self._s.advance(within + NEAR)
        wait = self._begun + at - otp.monotonic()
        if at and wait > NEAR:
            await self._s.advance(wait - NEAR)
            if (early := await self._taken()) is not None:
                if value is not ANYTHING:
                    self._s.same(early[1], value, self._instead(early[1], value), m)
                when = self._sent_at(early) - self._begun
                raise Wrong(f"{self.said} was answered after {when:.3g} s: expected the answer after {at:g} s")
            await self._s.advance(2 * NEAR)
        else:
            await self._s.settle()
        answer = await self._taken()
        if answer is None:
            raise await self._unanswered(
                f"within {within:g} s" if within else f"after {at:g} s" if at else "at once", silent
            )
        if inspect.iscoroutine(answer[1]):
            name = function_name(answer[1])
            answer[1].close()
            raise Wrong(f"{self.said} was answered with a coroutine: `await` is missing before the call of {name}")
        if value is not ANYTHING and not same(answer[1], value):
            self._s.same(answer[1], value, self._instead(answer[1], value), m)
        return answer[1]

    async def unanswered(self, say: str, m: str | None = None) -> None:
        """Raise `Wrong` with this sentence if there is an answer by now."""
        await self._s.settle()
        if await self._taken() is not None:
            raise Wrong(say, m)

    async def _taken(self) -> tuple[Any, Any] | None:
        """Return the answer with the reference if it is in the mailbox."""
        try:
            return await otp.receive(self._is_answer, timeout=0)
        except TimeoutError:
            return None

    def _sent_at(self, answer: Any) -> float:
        """Return when an answer was sent."""
        sent = [event.at for event in self._s.trace.sent(otp.self(), self._since) if event.data["term"] is answer]
        return sent[0] / 1e9 if sent else otp.monotonic()

    def _is_answer(self, message: Any) -> bool:
        return type(message) is tuple and len(message) == 2 and message[0] is self.ref

    def _has_ref(self, message: Any) -> bool:
        return type(message) in (tuple, list) and any(part is self.ref for part in message)

    def _reference(self, found: re.Match[str]) -> str:
        """Return a reference in words: references are numbers, which say nothing to a reader."""
        return "ref" if found[0] == str(self.ref) else "another reference"

    def _instead(self, got: Any, value: Any) -> str:
        wanted, instead = apart(value, got)
        return self._s.worded(f"expected the answer {wanted} to {self.said}, got {instead}")

    async def _unanswered(self, due: str, silent: str) -> Wrong:
        """Return the fault of a process that has not answered in time, by what became of it."""
        others = [message for message in mailbox() if not isinstance(message, otp.Down | otp.ExitSignal)]
        expected = f"expected the answer (ref, value) to {self.said}"
        if others:
            got = self._s.worded(REFERENCE.sub(self._reference, render(others[0])))
            if self._has_ref(others[0]):
                return Wrong(f"{expected}, a tuple of exactly these two, got {got}")
            return Wrong(f"{expected}, got {got}, which does not begin with the reference", "M5")
        if not otp.is_alive(self._process.pid):
            return self._process.ended(f"{self.said} got no answer: ")
        pid, since = self._process.pid, self._since
        if any(event.pid == pid and self._has_ref(event.data["term"]) for event in self._s.trace.sent(pid, since)):
            return Wrong(f"{expected}, but the process sent a message to itself: send the answer to `from_`")
        waits, line = self._process.waits()
        waits = waits or bool(otp.process_info(pid, "message_queue_len"))  # it does not even take the request
        await self._s.advance(LATE)
        late = await self._taken()
        if late is not None and not waits:
            when = f"after {self._sent_at(late) - self._begun:.3g} s, with {self._s.worded(render(late[1]))}"
            return Wrong(f"{self.said} was answered {when}: expected the answer {due}")
        if waits:
            say = f"{self.said} was not answered {due}: the process was waiting for something else"
            return Wrong(line + say, "P1", WAITS)
        if not otp.is_alive(pid) and self._s.reason_of(pid) != "normal":
            return self._process.ended(f"{self.said} got no answer: ")
        return Wrong(
            f"{self.said} got no answer: the process is alive and silent, and its client waits in vain", silent
        )


class ByHand:
    """A process that runs a function of the answer; `Scenario.process` makes it.

    Args:
        s: the scenario.
        pid: that of the process.
        called: its name in sentences.
    """

    def __init__(self, s: Scenario, pid: otp.Pid, called: str) -> None:
        self.s = s
        self.pid = pid
        self.called = called
        self._tags: list[Any] = []
        """Those of the requests that it was asked."""

    def send(self, message: Any) -> None:
        """Send it a message that has no answer."""
        otp.send(self.pid, message)

    def ask(self, *request: Any) -> Asked:
        """Send it a request, `(tag, …)` without sender and reference, which are added."""
        ref = self.s.numbered_ref()
        asked = Asked(self, request, ref)
        self._tags.append(request[0])
        otp.send(self.pid, (*request, otp.self(), ref))
        return asked

    async def answers(
        self, request: Any, value: Any = ANYTHING, at: float = 0.0, m: str | None = None, silent: str = "M31"
    ) -> Any:
        """Ask, and return the answer; raise `Wrong` unless it is this value at this time.

        Args:
            request: a tag, or a tuple `(tag, …)`.
            value: the expected answer.
            at: seconds after the request; 0 is at once.
            m: the misconception that another value shows; by default that of the step.
            silent: that of a process that lives and does not answer.
        """
        asked = self.ask(*(request if type(request) is tuple else (request,)))
        return await asked.answered(value, at, m, silent)

    async def ignores(self, *messages: Any) -> None:
        """Send messages of no known shape, then none; raise `Wrong` unless each is taken and the process goes on."""
        if said := mailbox():
            raise Wrong(f"expected one answer to each request, got one more: {self.s.worded(render(said[0]))}")
        for message in (*messages, *STRANGE):
            self.send(message)
            await self.s.settle()
            if not otp.is_alive(self.pid):
                say = f"{self._literal(message)} is no message of the task, and should change nothing: "
                raise self.ended(say, "V4")
            if otp.process_info(self.pid, "message_queue_len"):
                say = f"{self._literal(message)} is no message of the task, and stays in the mailbox"
                raise Wrong(f"{say}: expected it to be taken and dropped", "M3", STAYS)
            if said := mailbox():
                say = f"{self._literal(message)} is no message of the task: expected no answer"
                raise Wrong(f"{say}, got {self.s.worded(render(said[0]))}")
        unknown = self.ask("an unknown request")
        await self.s.settle()
        if not otp.is_alive(self.pid):
            raise self.ended(f"{unknown.shape} is no message of the task, and should change nothing: ", "V4")
        if said := mailbox():
            got = self.s.worded(render(said[0]))
            raise Wrong(f"{unknown.shape} is no message of the task: expected no answer, got {got}")
        await self.s.advance(SILENCE)
        await self.lives(f"no message came for {SILENCE:g} s, and it waited no longer")

    def _literal(self, message: Any) -> str:
        """Return a message as it was sent; sentences about requests leave out their last two parts."""
        tag = message[0] if type(message) is tuple and message else message
        if not any(same(tag, known) for known in self._tags):
            return render(message)
        asker = type(message) is tuple and any(isinstance(part, otp.Pid) for part in message)
        return self.s.worded(f"{render(message)}, without {'`ref`' if asker else '`from_` and `ref`'},")

    async def stops(self, m: str | None = None, after: float = 0.0, reason: Any = "normal") -> None:
        """Send `"stop"`; raise `Wrong` unless the process ends, and so does what it started.

        Args:
            m: the misconception of a process of the check that is left.
            after: seconds that it may take.
            reason: the expected one; `ANYTHING` where the task names none.
        """
        self.send("stop")
        await (self.s.advance(after + NEAR) if after else self.s.settle())
        if otp.is_alive(self.pid):
            waits, line = self.waits()
            raise Wrong(f'{line}expected {self.called} to end after "stop", but it is alive', "P1" if waits else None)
        got = self.s.reason_of(self.pid)
        if reason is not ANYTHING and not same(got, reason):
            raise Wrong(f'expected {self.called} to end with "{reason}" after "stop", got {render(got)}')
        if self.s.started_by(self.pid):
            await self.s.advance(LATE)  # a helper that sleeps, and then ends by itself, is not left
        if left := self.s.started_by(self.pid):
            say = f"{len(left)} that it started live on" if len(left) > 1 else "one that it started lives on"
            fault = m if any(map(self.s.has_name, left)) else None  # a helper of the answer has no name
            raise Wrong(f'expected {self.called} to leave no process after "stop": {say}', fault)

    async def ends(self, reason: Any, say: str = "", m: str | None = None) -> None:
        """Raise `Wrong` unless the process has ended by now, with this reason."""
        await self.s.settle()
        if otp.is_alive(self.pid):
            raise Wrong(say or f"expected {self.called} to end with {render(reason)}, but it is alive", m)
        got = self.s.reason_of(self.pid)
        if not same(got, reason):
            raise Wrong(say or f"expected {self.called} to end with {render(reason)}, got {render(got)}", m)

    async def lives(self, say: str, m: str | None = None, look: str = "") -> None:
        """Raise `Wrong` if the process has ended: `say`, and why.

        Args:
            say: what has happened.
            m: the misconception that the end shows; M8, a link, only if another process had ended with this reason.
            look: a sentence that fits better than the fact of the misconception.
        """
        await self.s.settle()
        if not otp.is_alive(self.pid):
            taken_along = m != "M8" or self.s.ended_before(self.pid)
            raise self.ended(f"{say}: ", m if taken_along else None, look)

    def waits(self) -> tuple[bool, str]:
        """Return whether the process waits for something other than a message, and `line 15: `, where it waits."""
        place = str(otp.process_info(self.pid, "current_function")).rpartition(":")[2]
        line = f"line {place}: " if place.isdigit() else ""
        return otp.process_info(self.pid, "status") == "awaiting", line

    def ended(self, said: str, m: str | None = None, look: str = "") -> Wrong:
        """Return the fault of a process that has ended too early: `said`, and with which reason."""
        reason = self.s.reason_of(self.pid)
        if reason == "normal":
            return Wrong(f"{said}{self.called} has ended, {RETURNED}", "M1")
        found = self.s.end_of(f"{said}{self.called} ended: ", reason)
        if found.misconception or is_typo(reason):
            return Wrong(self.s.worded(found.say), found.misconception, found.look)
        return Wrong(self.s.worded(found.say), m, look)
