"""What a platform asks the backend of a node in another process, and what that answers: tagged records of msgpack.

A request and its answer are bytes, made and read here alone. The platform asks, and only the platform: what comes as
it happens (items of a stream, frames of a page, the parts of a file) is asked for piece by piece, so that a node sends
nothing that nobody has room for. Each record names its fields and their types; whatever else arrives is refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from superlearner.observing.analytics import Entry
from superlearner.observing.logs import LogLine

__all__ = [
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
"""Of one answer."""

MOST_VALUES: Final = 150_000
"""In one answer: reading so many holds up others for some dozens of milliseconds."""


class Record(msgspec.Struct, forbid_unknown_fields=True, tag=str.lower):
    """One request or answer; its tag is the name of its class."""


# What the platform asks


class Hello(Record):
    """Begin: what snapshots say of the platform, and the settings that a node goes by. Answered by `Facts`."""

    protocol: int
    epoch: str
    version: str
    settings: dict[str, Any]


class Ask(Record):
    """How the node is; answered by `Facts`."""


class Adopt(Record):
    """Go by these settings from now on; answered by `Done`."""

    settings: dict[str, Any]


class Execute(Record):
    """Run an operation: its parameters as JSON, and who asks by which door.

    `module` declares the operation, so that a node imports no other. Answered by `Executed`, `Stream` or `File`.
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
    """Wait for items of a stream, at most so many and so long; answered by `Items`."""

    number: int
    most: int
    seconds: float


class PartOf(Record):
    """The next part of a file; answered by `Part`."""

    number: int


class Attach(Record):
    """Look at a live topic, with what the address asks besides; answered by `Attached`."""

    topic: str
    asked: dict[str, str]


class Next(Record):
    """Wait for the next frame of a topic, at most so long; answered by `Frame`."""

    number: int
    seconds: float


class Look(Record):
    """Look at another part of a topic; answered by `Done`."""

    number: int
    asked: dict[str, str]


class Sync(Record):
    """Send everything again in the next frame; answered by `Done`."""

    number: int


class Close(Record):
    """Nobody reads a stream, a file or a topic any more; answered by `Done`."""

    number: int


class Saved(Record):
    """What a trace saw, as a recording; answered by `Packed`."""

    trace: str


class Tape(Record):
    """Begin to record what the node does; answered by `Attached`."""

    kinds: list[str]
    limit: int
    rate: int


class Wound(Record):
    """What was recorded since the last time, or, with `last`, the end of it; answered by `Taped`."""

    number: int
    last: bool


class Names(Record):
    """Which of these names are registered; answered by `Named`."""

    names: list[str]


class Hear(Record):
    """What is worth keeping beyond the end of the program, behind these numbers; wait for it so long.

    Who asks behind a number has what is before it. Answered by `Heard`.
    """

    entries: int
    lines: int
    seconds: float


class Recall(Record):
    """What supervisors of the node did in a program before this one, oldest first; answered by `Done`."""

    entries: list[Entry]


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
)


# What the node answers


Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""A number of things, as far as a browser can count."""

Word: TypeAlias = Annotated[str, Meta(max_length=100)]


class Fact(msgspec.Struct, forbid_unknown_fields=True):
    """How a node is."""

    life: Word
    processes: Count
    supervisors: Count
    python: Word
    os_pid: Annotated[int, Meta(ge=0, le=2**31)]


class Facts(Record):
    """The node by its name, and how it is."""

    protocol: int
    node: str
    fact: Fact


class Done(Record):
    """It was done."""


class Detail(msgspec.Struct, forbid_unknown_fields=True):
    """One problem of an error."""

    field: str | None
    problem: str
    hint: str | None


class Failed(Record):
    """It could not be done: the code, the words and the details of an operation's error; `did` as of `Executed`."""

    code: str
    message: str
    details: list[Detail] = []
    did: str | None = None


class Executed(Record):
    """What an operation answered, as JSON; of which page of a list; `did`: what it said that it was about to do."""

    data: bytes
    meta: dict[str, Count] | None = None
    did: str | None = None


class Stream(Record):
    """An operation that streams has begun: the number to ask for `More`; who shows `last_id` goes on from here."""

    number: int
    last_id: str


class File(Record):
    """An operation answers a file: the number to ask for each `PartOf` it."""

    number: int
    media: str
    name: str


class Items(Record):
    """Items of a stream as JSON, in the form of the operation's result; `closed` if no more will come."""

    part: bytes
    closed: bool


class Part(Record):
    """A part of a file, which is not empty; None at its end."""

    text: Annotated[str, Meta(min_length=1)] | None


class Attached(Record):
    """The number of a topic that is looked at, or of a recording; None if it cannot be now."""

    number: int | None


class Frame(Record):
    """A frame of a topic; None if there was none in time. `closed` if no more will come."""

    frame: bytes | None
    closed: bool


class Packed(Record):
    """A recording, and how many messages are in it."""

    content: bytes
    messages: Count


class Taped(Record):
    """A piece of the file of a recording; the numbers are those of the whole."""

    piece: bytes
    events: Count
    dropped: Count
    ended: bool


class Named(Record):
    """Those of the names that are registered."""

    names: list[str]


class Heard(Record):
    """What supervisors did, and lines of the log, oldest first, each with its number; a gap is what was lost."""

    entries: list[tuple[int, Entry]]
    lines: list[tuple[int, LogLine]]


Answer: TypeAlias = (
    Facts | Done | Failed | Executed | Stream | File | Items | Part | Attached | Frame | Named | Packed | Taped | Heard
)

written: Final = msgspec.msgpack.Encoder().encode
_requests: Final = msgspec.msgpack.Decoder(Request)


def excess(data: bytes) -> str | None:
    """Why JSON is more than one answer may be; None if it is not.

    >>> excess(b"[1,2]"), excess(b"[" + b"1," * 200_000 + b"1]")
    (None, 'expected at most 150000 values, got more; ask for less')
    """
    if len(data) > MOST_BYTES - 10_000:  # there is more in an answer than the data
        return f"expected at most {MOST_BYTES - 10_000} bytes, got {len(data)}; ask for less"
    if sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        return f"expected at most {MOST_VALUES} values, got more; ask for less"
    return None


def read_request(request: object) -> Request:
    """The request that arrived.

    Raises:
        ValueError: it is none.

    >>> read_request(written(Close(7)))
    Close(number=7)
    """
    if not isinstance(request, bytes):
        raise ValueError(f"expected the bytes of a request, got {type(request).__name__}")
    try:
        return _requests.decode(request)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ValueError(f"expected a request of protocol {PROTOCOL}, got: {error}") from None
