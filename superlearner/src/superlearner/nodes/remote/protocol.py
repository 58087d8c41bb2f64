"""The protocol between a platform and a node in another process: msgpack records.

Requests and answers are bytes, encoded and decoded only here. Only the platform sends requests: items of a stream,
frames of a page and parts of a file are requested one by one, so a node never sends more than the platform can take.
Each record declares its fields and their types; anything else is rejected.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from superlearner.observing.analytics import Entry
from superlearner.observing.logs import LogLine
from superlearner.store.rows import MomentRow

__all__ = [
    "DEFLATE",
    "PROTOCOL",
    "Adopt",
    "Answer",
    "Ask",
    "Attach",
    "Attached",
    "Close",
    "Count",
    "Detail",
    "Done",
    "Drawn",
    "Execute",
    "Executed",
    "Failed",
    "Fact",
    "Facts",
    "File",
    "Frame",
    "Hear",
    "Heard",
    "Hello",
    "Items",
    "Look",
    "MOST_BYTES",
    "More",
    "Named",
    "Names",
    "Next",
    "Packed",
    "Part",
    "PartOf",
    "Recall",
    "Recent",
    "Record",
    "Request",
    "Saved",
    "Stream",
    "Sync",
    "Tape",
    "Taped",
    "Wound",
    "excess",
    "read_request",
    "written",
]

PROTOCOL: Final = 1

MOST_BYTES: Final = 4_000_000
"""Maximum size of an answer."""

DEFLATE: Final = "deflate"

MOST_VALUES: Final = 150_000
"""Maximum number of values in an answer; decoding more would block the loop."""


class Record(msgspec.Struct, forbid_unknown_fields=True, tag=str.lower):
    """A request or an answer; its tag is the name of its class."""


# Requests of the platform


class Hello(Record, omit_defaults=True):
    """Start: facts about the platform, and its settings. Answered by `Facts`.

    `called` is the node's name there, if that is another one; older services do not accept it.
    """

    protocol: int
    epoch: str
    version: str
    settings: dict[str, Any]
    called: str | None = None


class Ask(Record):
    """Ask for the node's state; answered by `Facts`."""


class Adopt(Record):
    """Apply these settings from now on; answered by `Done`."""

    settings: dict[str, Any]


class Execute(Record):
    """Run an operation with JSON parameters, for a user and an interface (`door`).

    `module` declares the operation, so the node imports no other. Answered by `Executed`, `Stream` or `File`.
    """

    operation: str
    module: str
    parameters: bytes
    user: str
    scopes: list[str]
    local: bool
    door: str
    dry_run: bool


class More(Record):
    """Wait for items of a stream, up to a number and a time; answered by `Items`."""

    number: int
    most: int
    seconds: float


class PartOf(Record):
    """Return the next part of a file; answered by `Part`."""

    number: int


class Attach(Record):
    """Open a live topic, with the address's parameters; answered by `Attached`.

    With the `DEFLATE` parameter, long frames are compressed by zlib; older services ignore it.
    """

    topic: str
    asked: dict[str, str]


class Next(Record):
    """Wait for the next frame of a topic, up to a time; answered by `Frame`."""

    number: int
    seconds: float


class Look(Record):
    """Switch to another part of a topic; answered by `Done`."""

    number: int
    asked: dict[str, str]


class Sync(Record):
    """Send everything again in the next frame; answered by `Done`."""

    number: int


class Close(Record):
    """Close a stream, file or topic that has no reader any more; answered by `Done`."""

    number: int


class Saved(Record):
    """Return the events of a trace as a recording; answered by `Packed`."""

    trace: str


class Tape(Record):
    """Start recording the node's events; answered by `Attached`."""

    kinds: list[str]
    limit: int
    rate: int


class Wound(Record):
    """Return the next chunk of a recording, or the `last`; answered by `Taped`."""

    number: int
    last: bool


class Names(Record):
    """Return which of these names are registered; answered by `Named`."""

    names: list[str]


class Hear(Record):
    """Wait for new history entries and log lines to store.

    `entries` and `lines` are the last numbers received, `seconds` the time to wait.

    A request with a number acknowledges everything up to it. Answered by `Heard`.
    """

    entries: int
    lines: int
    seconds: float


class Recent(Record, omit_defaults=True):
    """Wait for restarts to store, behind a place and up to a time; answered by `Drawn`. Older services do not know it.

    With 0 seconds, those that have not settled yet are included. `unsettled` asks for these as they are now, too; older
    services do not accept it.
    """

    place: int
    seconds: float
    unsettled: bool = False


class Recall(Record):
    """Replay what supervisors did in an earlier program, and how it ended; answered by `Done`."""

    entries: list[Entry]
    ended: str = ""
    at: float = 0.0
    """The time of its end, in seconds since 1970."""


Request: TypeAlias = (
    Hello
    | Ask
    | Adopt
    | Execute
    | More
    | PartOf
    | Attach
    | Next
    | Look
    | Sync
    | Close
    | Names
    | Saved
    | Tape
    | Wound
    | Hear
    | Recall
    | Recent
)


# Answers of the node


Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""A count that JavaScript can represent."""

Word: TypeAlias = Annotated[str, Meta(max_length=100)]


class Fact(msgspec.Struct, forbid_unknown_fields=True):
    """The state of a node."""

    life: Word
    processes: Count
    supervisors: Count
    python: Word
    os_pid: Annotated[int, Meta(ge=0, le=2**31)]


class Facts(Record):
    """The node's name and state."""

    protocol: int
    node: str
    fact: Fact


class Done(Record):
    """Success, without a result."""


class Detail(msgspec.Struct, forbid_unknown_fields=True):
    """A single problem of an error."""

    field: str | None
    problem: str
    hint: str | None


class Failed(Record):
    """Failure: code, message and details of an error; `did` as in `Executed`."""

    code: str
    message: str
    details: list[Detail] = []
    did: str | None = None


class Executed(Record):
    """The result of an operation, as JSON; `did` says what it announced to do.

    `meta` has the numbers of a page; other versions may add fields.
    """

    data: bytes
    meta: dict[str, Any] | None = None
    did: str | None = None


class Stream(Record):
    """A stream: the number for `More`. Pass `last_id` to continue from here."""

    number: int
    last_id: str


class File(Record):
    """A file as a result: the number for each `PartOf` it."""

    number: int
    media: str
    name: str


class Items(Record):
    """Items of a stream, each the operation's result as JSON; `closed` at its end."""

    part: bytes
    closed: bool


class Part(Record):
    """A non-empty part of a file; None at its end."""

    text: Annotated[str, Meta(min_length=1)] | None


class Attached(Record):
    """The number of an open topic or recording; None if it cannot be opened now."""

    number: int | None


class Frame(Record):
    """A frame of a topic, or None; `closed` if the topic has ended."""

    frame: bytes | None
    closed: bool


class Packed(Record):
    """A recording, and its number of messages."""

    content: bytes
    messages: Count


class Taped(Record):
    """A chunk of a recording's file; the counts are those of the whole recording."""

    piece: bytes
    events: Count
    dropped: Count
    ended: bool


class Named(Record):
    """The given names that are registered."""

    names: list[str]


class Heard(Record):
    """Numbered history entries and log lines, oldest first; a gap means lost ones."""

    entries: list[tuple[int, Entry]]
    lines: list[tuple[int, LogLine]]


class Drawn(Record, omit_defaults=True):
    """Restarts with their replays, oldest first, each with its place; the platform knows node and owner.

    `unsettled` are those that may still change: they count if the program ends before they have settled.
    """

    moments: list[tuple[Count, MomentRow]]
    unsettled: list[MomentRow] = []


Answer: TypeAlias = (
    Facts
    | Done
    | Failed
    | Executed
    | Stream
    | File
    | Items
    | Part
    | Attached
    | Frame
    | Named
    | Packed
    | Taped
    | Heard
    | Drawn
)

written: Final = msgspec.msgpack.Encoder().encode
_requests: Final = msgspec.msgpack.Decoder(Request)


def excess(data: bytes) -> str | None:
    """Return why JSON is too large for one answer; None if it is not.

    >>> excess(b"[1,2]"), excess(b"[" + b"1," * 200_000 + b"1]")
    (None, 'expected at most 150000 values, got more; ask for less')
    """
    if len(data) > MOST_BYTES - 10_000:  # an answer is a little larger than its data
        return f"expected at most {MOST_BYTES - 10_000} bytes, got {len(data)}; ask for less"
    if sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        return f"expected at most {MOST_VALUES} values, got more; ask for less"
    return None


def read_request(request: object) -> Request:
    """Decode a request.

    Raises:
        ValueError: it is not a valid request.

    >>> read_request(written(Close(7)))
    Close(number=7)
    """
    if not isinstance(request, bytes):
        raise ValueError(f"expected the bytes of a request, got {type(request).__name__}")
    try:
        return _requests.decode(request)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ValueError(f"expected a request of protocol {PROTOCOL}, got: {error}") from None
