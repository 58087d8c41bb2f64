"""The server side of a view: a process that answers the requests of a `NodeView` in plain terms.

A holder of a connection to the node can inspect it; `otp.observer.terms` describes the encoding:

- `(method, arguments)`, a call, is answered with `("ok", value)` or `("error", code, text, parts)`;
- `("trace", …)` and `("events", …)` return the number of a stream, which is read by calls of `("next", {"stream": n,
  "received": count, "credit": most})`. The reply comes when there are items. `received` counts the items that have
  arrived, so nothing is lost with a reply that found no caller; `credit` is the room that the reader has. Further items
  wait in a bounded buffer; items that do not fit are counted and reported.
"""

# Requests and terms have no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from otp.behaviours.server.behaviour import impl
from otp.behaviours.server.gen_server import GenServer
from otp.bounded import text
from otp.kernel.ends.mailbox import deliver
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import demonitor, monitor
from otp.kernel.steps.starting import spawn_monitor
from otp.kernel.tables.callers import From
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.errors import BadArgument, CallExit
from otp.kernel.values.messages import Down
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.process import DEAD, Process, on_exit
from otp.kernel.values.results import NoReply, Ok, Reply
from otp.kernel.values.sentences import say
from otp.observer.events import check_number
from otp.observer.failures import ViewError, to_failure
from otp.observer.feed import EventFeed
from otp.observer.methods import Permission, Stream, check_permissions
from otp.observer.node_view import METHODS
from otp.observer.queries import find
from otp.observer.terms import from_term, to_term
from otp.observer.view_requests import note_request

__all__ = ["ViewOf", "ViewServer"]

PROTOCOL: Final = 1
MOST_REQUESTS: Final = 100
"""Maximum number of operations in progress."""
MOST_STREAMS: Final = 100
MOST_CREDIT: Final = 1000
SECONDS: Final = 300
"""Maximum seconds of an operation; `call` has its own time-out, which is at most this."""
MEMBERS: Final = 100_000
_UNLOGGED: Final = frozenset({"send", "cast", "call"})
"""Other methods that need more than `read` end, hold or change processes: the observed program logs each request."""


class ViewOf(NamedTuple):
    """The argument of a `ViewServer` that runs on another node of the loop than the inspected one."""

    node: Node
    permissions: tuple[Permission, ...] = ("read",)


class ViewServer(GenServer[Any]):
    """A server through which others inspect the node it runs on.

    Its argument has the permissions. With `ViewOf(node, permissions)` it shows another node of the same loop, and is
    not visible there itself.

    Put it into a tree: `ViewServer.child_spec(("read", "operate"), name="view")`. The permissions are fixed at the
    start; without an argument it only reads, without secrets.

    - `read`: all reads. States, messages and events are shown without what looks like a secret.
    - `operate`: send, cast, call, exit, suspend, resume; start, stop, restart and remove children that a supervisor
      already has (and those of simple_one_for_one), change a supervisor's strategy.
    - `code`: replace a state, reload a module, start a child that the supervisor does not have, see without redaction.

    A request that is invalid or not permitted is answered with an error; none crashes it. It never waits for others
    itself: operations run in their own processes, at most 100 at a time, each for at most 300 s. A stream ends with
    its reader's process.

    >>> import otp
    >>> from otp.observer import ViewServer
    >>> async def main():
    ...     server = await ViewServer.start_link()
    ...     return (await otp.GenServer.call(server, ("exit", {"pid": "main"})))[:2]
    >>> otp.run(main)
    ('error', 'not_permitted')

    Source: Erlang's `observer_backend`, which runs on the observed node.
    """

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        """Begin with the permissions in `arg`."""
        me = current_process("ViewServer")
        node, permissions = arg if type(arg) is ViewOf else (me.runtime, arg)
        serving = _Serving(me, node, check_permissions(permissions))
        on_exit(serving.me, serving, serving.close)
        return Ok(serving)

    @impl
    async def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        """Answer a request, if it is permitted."""
        try:
            answer = await state.asked(request, caller)
        except Exception as error:
            answer = to_failure(error)
        return NoReply(state) if answer is None else Reply(answer, state)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        """Drop it: no request is a cast."""
        return NoReply(state)  # an unknown message must not crash the server

    @impl
    def handle_info(self, message: Any, state: Any) -> Any:
        """Pass on the items of a stream; forget readers that have ended."""
        if type(message) is _Ready:
            state.ready(message.stream)
        elif type(message) is Down:
            state.down(message.ref, message.reason)
        return NoReply(state)


class _Ready(NamedTuple):
    """A message to itself: a stream has items for a waiting reader."""

    stream: _Stream


@dataclass(slots=True, eq=False)
class _Stream:
    """A stream: waiting items, items sent but not confirmed, and the waiting caller."""

    number: int
    feed: EventFeed
    reader: Ref
    sent: list[Any]
    confirmed: int = 0
    waiting: From | None = None
    credit: int = 0
    rung: bool = False


class _Serving:
    """The state of a `ViewServer`: permissions, operations in progress, streams."""

    def __init__(self, me: Process, node: Node, permissions: frozenset[Permission]) -> None:
        self.me = me
        self.node = node
        self.permissions = permissions
        self.working: dict[Ref, From] = {}
        self.streams: dict[int, _Stream] = {}
        self.readers: dict[Ref, int] = {}
        self.last = 0

    # Requests

    async def asked(self, request: Any, caller: From) -> Any:
        """Return the answer to a request; `None` if it comes later."""
        if type(request) is not tuple or len(request) != 2 or type(request[0]) is not str:
            raise BadArgument(f"expected a request (method, arguments), got {text(request)}")
        name: str = request[0]
        arguments = from_term(request[1], self.find_pid, members=MEMBERS)
        match name:
            case "hello":
                about = {"protocol": PROTOCOL, "node": self.node.name, "creation": self.node.creation}
                return ("ok", {**about, "permissions": tuple(sorted(self.permissions))})
            case "next":
                return self.next(_check_arguments(name, arguments, "stream", "received", "credit"), caller)
            case "close":
                self.forget(_check_arguments(name, arguments, "stream")["stream"])
                return ("ok", None)
            case _:
                pass
        method = METHODS.get(name)
        if method is None:
            raise BadArgument(f"expected a method, one of {', '.join(sorted(METHODS))}, got {text(name)}")
        is_stream = isinstance(method, Stream)
        reader = arguments.pop("reader", caller.pid) if is_stream and type(arguments) is dict else None
        arguments = method.unpack(arguments)
        method.check(arguments, self.permissions)
        if is_stream:
            return ("ok", self.open(method, arguments, reader))
        if method.waits and name not in _UNLOGGED:
            say(logging.INFO, "a view of %s asks for %s %s", self.node.name, name, text(arguments, length=500))
        operation = partial(method.function, self.node, **arguments)
        if not method.waits:
            return ("ok", to_term(await operation(), strict=False))
        if name in ("suspend", "replace_state") and find(self.node, arguments["pid"]) is self.me:
            raise BadArgument(f"{name}: cannot target {self.me}, the view server itself")
        if len(self.working) >= MOST_REQUESTS:
            raise ViewError("busy", f"expected fewer than {MOST_REQUESTS} operations at a time; try again")
        worker, ref = spawn_monitor(_work, operation, caller)
        note_request(self.node, name, arguments, worker)
        self.working[ref] = caller
        return None

    def find_pid(self, node: str, creation: int, number: int) -> Pid:
        """Return the pid of a term; one of this node that has ended is found, too."""
        own, distribution = self.node, self.me.runtime.distribution
        if distribution is not None and (node, creation) != (own.name, own.creation):
            return distribution.pid(node, creation, number)  # a reader; elsewhere `queries.find` refuses it
        if node != own.name or creation != own.creation or not 0 < number < own.next_number:
            raise BadArgument(f"expected a pid of node {own.name}, got <0.{number}.0> of {text(node)}")
        return own.process_table.get(number) or own.parse_pid(f"<0.{number}.0>")

    def down(self, ref: Ref, reason: Any) -> None:
        """Handle the end of a process that carried out an operation, or of a reader."""
        caller = self.working.pop(ref, None)
        if caller is not None and reason != "normal":
            GenServer.reply(caller, to_failure(ViewError("failed", f"the operation ended with {text(reason)}")))
        number = self.readers.pop(ref, None)
        if number is not None:
            self.forget(number)

    # Streams

    def open(self, method: Stream[...], arguments: dict[str, Any], reader: Any) -> int:
        """Begin a stream and return its number."""
        if not isinstance(reader, Pid):
            raise BadArgument(f"{method.name}(reader=…): expected a pid, got {text(reader)}")
        if len(self.streams) >= MOST_STREAMS:
            raise ViewError("busy", f"expected fewer than {MOST_STREAMS} streams at a time; close one")
        number = self.last + 1
        awake = _Alarm(self.me)
        feed = method.function(self.node, awake, self.me, **arguments)
        self.last = number
        watched = monitor(reader)
        stream = self.streams[number] = _Stream(number, feed, watched, [])
        self.readers[watched] = number
        awake.stream = stream
        return number

    def next(self, given: dict[str, Any], caller: From) -> Any:
        """Return the next items of a stream; without any, the caller waits."""
        stream = self.streams.get(check_number("next(stream=…)", given["stream"], 1, 1 << 62))
        if stream is None:
            raise ViewError("no_stream", f"expected a stream that is open, got {given['stream']}: its reader ended?")
        most = stream.confirmed + len(stream.sent)
        received = check_number("next(received=…)", given["received"], stream.confirmed, most)
        credit = check_number("next(credit=…)", given["credit"], 1, MOST_CREDIT)
        del stream.sent[: received - stream.confirmed]
        stream.confirmed = received
        before, stream.waiting = stream.waiting, None
        if before is not None:
            GenServer.reply(
                before, to_failure(ViewError("superseded", "expected one reader, got a request from another"))
            )
        answer = _part(stream, credit)
        if answer is None:
            stream.waiting, stream.credit = caller, credit
        return answer

    def ready(self, stream: _Stream) -> None:
        """Answer the caller that waits for a stream with new items."""
        stream.rung = False
        caller = stream.waiting
        answer = None if caller is None else _part(stream, stream.credit)
        if caller is not None and answer is not None:
            stream.waiting = None
            GenServer.reply(caller, answer)

    def forget(self, number: Any) -> None:
        """End a stream, if it exists."""
        stream = self.streams.pop(number, None) if type(number) is int else None
        if stream is not None:
            demonitor(stream.reader, flush=True)
            self.readers.pop(stream.reader, None)
            stream.feed.end("closed")
            if stream.waiting is not None:
                GenServer.reply(stream.waiting, to_failure(ViewError("no_stream", "the stream was closed")))

    def close(self, _me: Any) -> None:
        """Close all streams when the server has ended."""
        for stream in self.streams.values():
            stream.feed.end("closed")


class _Alarm:
    """A wake-up for the server when a stream has items for a waiting reader; called during a delivery."""

    __slots__ = ("me", "stream")

    def __init__(self, me: Process) -> None:
        self.me = me
        self.stream: _Stream | None = None

    def __call__(self) -> None:
        stream = self.stream
        if stream is not None and stream.waiting is not None and not stream.rung and self.me.status != DEAD:
            stream.rung = True  # once: another server that traces this one would answer each alarm with its own
            deliver(self.me, _Ready(stream))


def _part(stream: _Stream, credit: int) -> Any:
    """Return the answer to a reader: unconfirmed items, and new ones as far as its credit allows."""
    room = credit - len(stream.sent)
    if room > 0:
        stream.sent.extend(to_term(item, strict=False) for item in stream.feed.take(room))
    if stream.sent:
        return ("ok", (tuple(stream.sent[:credit]), None))
    ended = stream.feed.ended
    return None if ended is None else ("ok", ((), ended))


async def _work(operation: Any, caller: From) -> None:
    """Carry out an operation that may wait, in its own process."""
    try:
        async with asyncio.timeout(SECONDS):
            answer: Any = ("ok", to_term(await operation(), strict=False))
    except TimeoutError as error:
        late = TimeoutError(f"expected an operation that takes at most {SECONDS} s; it may still be carried out")
        answer = to_failure(error if isinstance(error, CallExit) else late)
    except Exception as error:
        answer = to_failure(error)
    GenServer.reply(caller, answer)


def _check_arguments(name: str, arguments: Any, *wanted: str) -> dict[str, Any]:
    if type(arguments) is not dict or set(arguments) != set(wanted):
        raise BadArgument(f"{name}: expected the arguments {', '.join(wanted)}, got {text(arguments)}")
    return arguments
