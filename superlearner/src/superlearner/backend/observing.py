"""Answers to a platform's requests; streams, files and topics go in parts."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import otp
from otp import Node
from otp.redaction import without_secrets
from superlearner.backend.headless import Headless
from superlearner.backend.history_buffer import HistoryBuffer
from superlearner.backend.node_recording import NodeRecording
from superlearner.control.listing import info_of
from superlearner.control.terms import clip, safe_json
from superlearner.live.topics import TOPICS, LiveSource
from superlearner.live.viewer import Viewer
from superlearner.nodes.kinds import SERVICE, TREE, NodeKind
from superlearner.nodes.remote import protocol as p
from superlearner.observing.tracing import NoTrace, as_recording
from superlearner.operations.context import Context
from superlearner.operations.declaration import Download, Operation, Streamed
from superlearner.operations.engine.execution import checked, execute
from superlearner.operations.engine.registry import operation_in
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.permitted import refusal, remedy
from superlearner.operations.rights.users import NODE_SCOPES, Scope, User
from superlearner.settings.sources import SettingsError

__all__ = ["Observing"]

log: Final = logging.getLogger(__name__)

LONG_FRAME: Final = 65_536
"""Bytes of a frame beyond which it is compressed for a reader that asked for it."""
MOST_READ: Final = 300
"""Maximum number of streams, files and topics read at the same time."""

UNREAD_S: Final = 90.0
"""Seconds without a read after which a reading is closed."""


@dataclass(slots=True, eq=False)
class Reading:
    """A source read in parts: a stream, a file, a topic's viewer or a recording."""

    what: Streamed[Any] | AsyncIterator[str] | Viewer | NodeRecording
    source: LiveSource | None = None
    operation: Operation | None = None
    deflate: bool = False
    busy: bool = False
    at: float = field(default_factory=otp.monotonic)


class Observing:
    """The answering side of a platform's requests about one node.

    Args:
        hidden: the node that everything runs on.
        node: the inspected node.
        permissions: the most scopes anyone can have here; scopes sent by the platform cannot exceed them.
        history: the record of supervisor events, or None for no record.
        evaluates: whether the node may run Python sent by the platform.
        kind: the kind of the node.
    """

    def __init__(
        self,
        hidden: Node,
        node: Node,
        permissions: frozenset[Scope] = frozenset(NODE_SCOPES),
        history: HistoryBuffer | None = None,
        evaluates: bool = False,
        kind: NodeKind = SERVICE,
    ) -> None:
        self.node = node
        self._kind = kind
        self._history = history
        self._evaluates = evaluates
        self._permissions = permissions
        self._hidden = hidden
        self._headless: Headless | None = None
        self._beginning = asyncio.Lock()
        self._readings: dict[int, Reading] = {}
        self._last = 0
        hidden.subscribe(lambda _event: None, kinds={"node_down"}).on_node_end = self._close_all

    async def answer(self, request: p.Request, later: list[Callable[[], object]] | None = None) -> p.Answer:
        """Return the answer to a request; this takes as long as the requested operation.

        What must wait until the answer is sent is added to `later`, if given.
        """
        try:
            match request:
                case p.Hello():
                    return await self._hello(request)
                case p.Ask():
                    return self._facts()
                case p.Names(names):
                    return p.Named([name for name in names if self.node.whereis(name) is not None])
                case p.Execute():
                    return await self._execute(request, later)
                case p.Attach(topic, asked):
                    return await self._attach(topic, asked)
                case p.Close(number):
                    self._close(number)
                    return p.Done()
                case p.Adopt(settings):
                    self._begun().adopt(settings)
                    return p.Done()
                case p.Hear(entries, lines, seconds):
                    return (
                        p.Heard([], [])
                        if self._history is None
                        else await self._history.wait_for_news(entries, lines, seconds)
                    )
                case p.Recent(place, seconds, unsettled):
                    moments = self._begun().services.moments
                    news = await moments.wait_for_news(place, seconds, unsettled=unsettled)
                    return p.Drawn(news, moments.list_unsettled() if unsettled else [])
                case p.Recall(entries, ended, at):
                    self._begun().restore(entries, ended, at)
                    return p.Done()
                case p.Saved(trace):
                    return await self._saved(trace)
                case p.Tape(kinds, limit, rate):
                    return p.Attached(self._read(Reading(NodeRecording(self.node, kinds, limit, rate))))
                case p.Wound(number, last):
                    return self._wind(number, last=last)
                case p.Look() | p.Sync():
                    return self._turn(request)
                case p.More() | p.PartOf() | p.Next():
                    return await self._next(request)
        except OperationError as error:
            return failed(error)
        except SettingsError as error:
            return p.Failed("validation_error", str(error))

    def sweep(self) -> None:
        """Close readings whose reader has disappeared without closing them."""
        now = otp.monotonic()
        for number, reading in list(self._readings.items()):
            if not reading.busy and now - reading.at > UNREAD_S:
                self._close(number)

    # The node

    async def _hello(self, hello: p.Hello) -> p.Answer:
        if hello.protocol != p.PROTOCOL:
            return p.Failed("conflict", f"expected protocol {p.PROTOCOL}, got {hello.protocol}")
        async with self._beginning:
            before, self._headless = self._headless, None
            self._close_all()
            if before is not None:
                await before.close()
            begun = Headless(
                self._hidden,
                self.node,
                hello.epoch,
                hello.version,
                hello.settings,
                self._history,
                self._kind,
                evaluates=self._evaluates,
            )
            if self._kind is not TREE:  # the node of the tree is the default: commands need not name it
                begun.services.nodes.called = hello.called or self.node.name
            begun.services.nodes.operates = "operate" in self._permissions
            await begun.start()
            self._headless = begun
        return self._facts()

    def _facts(self) -> p.Facts:
        info = info_of(self.node)
        fact = p.Fact(info.life, info.processes, info.supervisors, info.python, info.os_pid)
        return p.Facts(p.PROTOCOL, self.node.name, fact)

    def _begun(self) -> Headless:
        if self._headless is None:
            raise OperationError("service_unavailable", "no platform has connected yet")
        return self._headless

    # Operations

    async def _execute(self, request: p.Execute, later: list[Callable[[], object]] | None) -> p.Answer:
        operation = operation_in(request.module, request.operation)
        if operation is None or not operation.on_node:
            return p.Failed("operation_not_found", f"there is no operation {request.operation[:200]!r} here")
        scopes = self._permissions.intersection(request.scopes)
        if operation.scope not in scopes and operation.scope in request.scopes:
            told = refusal(operation.name, operation.scope, self._permissions)
            return p.Failed("missing_scope", told, [p.Detail(None, told, remedy(operation.scope))])
        user = User(request.user, scopes, request.local)
        here = self._begun().services
        if lacking := here.services.lacking(operation):
            needed = ", ".join(kind.__name__ for kind in lacking)
            return p.Failed("service_unavailable", f"{operation.name} needs {needed}, which only the platform has")
        context = Context(here.nodes, user, "link", request.dry_run, self.node.name, later=later, claims=request.door)
        context.permitted = self._permissions
        try:
            answer = await execute(
                here.services, operation, context, checked(operation, json.loads(request.parameters))
            )
        except OperationError as error:
            return failed(error, context)
        finally:
            self._log(operation, context)
        if answer.stream is not None:
            number = self._read(Reading(answer.stream, operation=operation))
            return p.Stream(number, answer.stream.source.last_id)
        if isinstance(answer.data, Download):
            file = answer.data
            return p.File(self._read(Reading(file.parts)), file.media, file.name)
        data = json_bytes(answer.data)
        if (excess := p.excess(data)) is not None:
            return p.Failed("service_unavailable", excess, did=did(context))
        return p.Executed(data, _numbers_of(answer.meta), did(context))

    def _log(self, operation: Operation, context: Context) -> None:
        """Log what an operation changed on a service; the platform keeps the audit log."""
        done = did(context)
        if self._history is None and operation.changes and done is not None and not context.dry_run:
            log.info("%s of %s, through the door: %s", operation.name, context.user.name, without_secrets(done, 500))

    # Readings

    async def _attach(self, topic: str, asked: dict[str, str]) -> p.Attached:
        begun = self._begun()
        find = TOPICS.get(topic)
        if find is None:
            return p.Attached(None)
        source = await find(begun.services, begun.watched, asked)
        return p.Attached(self._read(Reading(source.attach(), source, deflate=p.DEFLATE in asked)))

    async def _saved(self, words: str) -> p.Answer:
        try:
            trace = self._begun().services.traces.find(words, node=self.node.name)
        except NoTrace as error:
            return p.Failed("trace_not_found", clip(str(error), 400))
        messages, marks, people = list(trace.messages), list(trace.marks), dict(trace.people)
        packed = as_recording(messages, marks, people, node=trace.node, started=trace.started_at)
        if len(packed) > p.MOST_BYTES - 1000:
            return p.Failed("service_unavailable", f"expected at most {p.MOST_BYTES} bytes, got {len(packed)}")
        return p.Packed(packed, len(messages))

    def _wind(self, number: int, *, last: bool) -> p.Answer:
        reading = self._readings.get(number)
        if reading is None or not isinstance(reading.what, NodeRecording):
            return p.Failed("conflict", f"there is no recording {number}")
        reading.at = otp.monotonic()
        taped = reading.what.wind(last=last)
        if taped.ended:
            del self._readings[number]
        return taped

    def _read(self, reading: Reading) -> int:
        if len(self._readings) >= MOST_READ:
            raise OperationError("service_unavailable", f"{MOST_READ} streams and pages are already open")
        self._last += 1
        self._readings[self._last] = reading
        return self._last

    def _turn(self, request: p.Look | p.Sync) -> p.Answer:
        reading = self._readings.get(request.number)
        if reading is None or not isinstance(reading.what, Viewer):
            return p.Failed("conflict", f"there is no topic {request.number}")
        if isinstance(request, p.Look):
            reading.what.look(request.asked)
        else:
            reading.what.want_snapshot()
        return p.Done()

    async def _next(self, request: p.More | p.PartOf | p.Next) -> p.Answer:
        reading = self._readings.get(request.number)
        if reading is None or reading.busy:
            return p.Failed("conflict", f"{request.number} is not open, or another request is reading it")
        reading.busy = True
        try:
            match request, reading.what:
                case p.More(), Streamed():
                    return await self._items(request, reading, reading.what)
                case p.Next(), Viewer():
                    return await _frame(request, reading.what, deflate=reading.deflate)
                case p.PartOf(), AsyncIterator():
                    return p.Part(await _part(reading.what))
                case _:
                    return p.Failed("conflict", f"{request.number} is of another kind")
        finally:
            reading.busy, reading.at = False, otp.monotonic()

    async def _items(self, request: p.More, reading: Reading, streamed: Streamed[Any]) -> p.Answer:
        source = streamed.source
        found = await source.more(max(1, request.most), max(0.0, request.seconds))
        part = {"items": [one.fields() for one in found], "last_id": source.last_id,
                "ended": "closed" if source.closed else "limit" if source.behind else "timeout"}  # fmt: skip
        return p.Items(json_bytes(part), source.closed)

    def _close_all(self) -> None:
        for number in list(self._readings):
            self._close(number)

    def _close(self, number: int) -> None:
        reading = self._readings.pop(number, None)
        if reading is None:
            return
        if reading.source is not None and isinstance(reading.what, Viewer):
            reading.what.close()
            reading.source.detach(reading.what)
        elif isinstance(reading.what, Streamed):
            reading.what.source.close()
        elif isinstance(reading.what, NodeRecording):
            reading.what.close()


async def _part(parts: AsyncIterator[str]) -> str | None:
    """Return the next part that is not empty, or None at the end."""
    async for text in parts:
        if text:
            return text
    return None


async def _frame(request: p.Next, viewer: Viewer, *, deflate: bool) -> p.Frame:
    """Return a viewer's next frame if one comes in time; a timeout loses nothing."""
    try:
        async with asyncio.timeout(max(0.0, request.seconds)):
            frame = await viewer.next()
    except TimeoutError:
        return p.Frame(None, closed=viewer.closed)
    if frame is not None and deflate and len(frame) > LONG_FRAME:
        frame = await otp.Task.run_blocking(zlib.compress, frame, 1)
    return p.Frame(frame, closed=frame is None)


def failed(error: OperationError, context: Context | None = None) -> p.Failed:
    """Return an operation's error as it is sent to the platform."""
    details = [p.Detail(one.field, one.problem, one.hint) for one in error.details]
    return p.Failed(error.code, error.message, details, None if context is None else did(context))


def did(context: Context) -> str | None:
    """Return the last action that an operation announced, or None."""
    return context.announced[-1] if context.announced else None


def json_bytes(content: Any) -> bytes:
    """Return an answer as JSON, replacing characters that cannot be encoded."""
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(safe_json(content), allow_nan=False).encode()


def _numbers_of(meta: dict[str, Any] | None) -> dict[str, int] | None:
    """Return the position of a page, without a note."""
    return None if meta is None else {name: value for name, value in meta.items() if isinstance(value, int)}
