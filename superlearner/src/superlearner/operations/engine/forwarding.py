"""Operations on a node in another process. They run there, and their answers are untrusted.

The platform checks scopes and rate limits and writes audit log and telemetry. The node checks the parameters again,
with the scopes that the user has on it. Its answer is bounded, validated by the operation's result model and rebuilt
from it, so unknown fields are dropped.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from pydantic import TypeAdapter, ValidationError

import otp
from superlearner.base.commands import command
from superlearner.base.validation import problem_text
from superlearner.control.clock import time_text
from superlearner.control.steer import looks_like_pid
from superlearner.control.terms import clip
from superlearner.nodes.remote import NodeBusy, NodeGone, NodeSilent, RemoteError, RemoteNode
from superlearner.nodes.remote.protocol import (
    Close,
    Execute,
    Executed,
    Failed,
    File,
    Items,
    More,
    Named,
    Names,
    Part,
    PartOf,
    Stream,
    excess,
)
from superlearner.observing.events import TYPES, type_names
from superlearner.operations.context import Context, DryRun
from superlearner.operations.declaration import Answer, Download, Operation, Streamed
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.rights.users import NODE_SCOPES

__all__ = ["LONGEST_S", "convert_error", "forward", "refused", "registered"]

MARGIN_S: Final = 5.0
"""Seconds beyond the operation's `timeout_ms` before the platform answers `timeout`."""

LONGEST_S: Final = 30.0
"""Seconds for an operation without `timeout_ms`; a paused supervisor would block its caller forever."""

HELD_S: Final = 2.0
"""Seconds in which a node whose event loop is known to be held may still answer a reading request."""

DELIVERY: Final = "process.message"
AFTERMATH_S: Final = 1.0
PART_S: Final = 30.0
MOST_FILE: Final = 200_000_000
MOST_PARTS: Final = 20_000
MOST_TEXT: Final = 1000
MOST_DETAILS: Final = 100
MOST_AFFECTED: Final = 1000
MOST_ITEMS: Final = 500
PACE_S: Final = 0.05
"""Minimum seconds between two requests for items, so that a busy node cannot set the pace."""

BYTES_PER_S: Final = 4_000_000
LARGEST: Final = 2**63
MOST_COUNTED: Final = 2**53 - 1
"""The largest count that JavaScript can represent."""
to_json: Final = msgspec.json.Encoder().encode
ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
ODD_NUMBER: Final = re.compile(rb"NaN|Infinity|[eE][+]?[0-9]{3}|[0-9]{19}")
META: Final = ("total", "page", "per_page", "total_pages")
OF_MEMORY: Final = {"error.list": "crashed", "error.history": "ended"}
"""Lists of what a node remembers, which begin again with its program; and what they list."""
LATEST_S: Final = 2**36
"""The latest time in an answer, in seconds since 1970: a node may have any clock."""
USUAL: Final = ("missing_scope", "service_unavailable", "timeout", "validation_error")
"""Codes a remote node may answer for any operation, besides the declared ones. Others are reserved for the platform."""


async def forward(operation: Operation, context: Context, remote: RemoteNode, parameters: Mapping[str, Any]) -> Answer:
    """Run an operation on a node in another process.

    Raises:
        OperationError: the node's error, or `node_unavailable`, `timeout`, `bad_answer`.
        DryRun: this is a dry run.
    """
    user = context.user
    given = operation.model.model_construct(**parameters).model_dump(mode="json", exclude_defaults=True)

    def request(**kinds: list[str]) -> Execute:
        return Execute(
            operation=operation.name,
            module=operation.function.__module__,
            parameters=json.dumps(given | kinds).encode(),  # an older service refuses parameters that it does not know
            user=user.name,
            scopes=[scope for scope in NODE_SCOPES if user.may(scope, remote.owner)],
            local=user.local,
            door=context.claims,
            dry_run=context.dry_run,
        )

    expected, seconds = (Stream,) if operation.streams else (Executed, File), _seconds(operation, parameters)
    try:
        if operation.streams and (kinds := type_names(given.get("types", ()))):
            answer = await remote.ask_about(kinds, TYPES, lambda there: request(types=there), expected, seconds)
        else:
            held_s = None if operation.changes or operation.streams else HELD_S
            answer = await remote.ask(request(), expected, seconds, held_s=held_s)
        if isinstance(answer, (Executed, Failed)) and answer.did is not None:
            context.announced.append(clip(answer.did, MOST_TEXT))  # for the audit log
        if isinstance(answer, Failed):
            raise refused(remote, answer, operation.errors)
        if isinstance(answer, Stream):
            source = RemoteSource(remote, operation, answer)
            limit, timeout = parameters.get("limit"), parameters.get("timeout_ms")
            return Answer(None, stream=Streamed(source, limit, None if timeout is None else timeout / 1000))
        if isinstance(answer, File):
            return Answer(_download(operation, remote, answer))
        if context.dry_run and operation.changes:
            raise _dry_run(remote, answer)
        result = read_result(remote, operation.encode, answer.data)
        if operation.name == DELIVERY and parameters["message_type"] != "call":
            result |= await _aftermath(remote)
        return Answer(result, _meta(operation, remote, answer.meta, parameters))
    except RemoteError as error:
        raise convert_error(error) from None


async def _aftermath(remote: RemoteNode) -> dict[str, str]:
    """Return a warning if a node does not answer any more, right after it has delivered a message."""
    try:
        await remote.facts(AFTERMATH_S)
    except RemoteError as error:
        return {"warning": f"the message was delivered; then {error}"}
    return {}


async def registered(context: Context, names: Collection[str]) -> set[str]:
    """Return those of the names that are registered on the node, local or remote.

    Raises:
        OperationError: `node_not_found`, `node_unavailable`, `timeout`, `bad_answer`.
    """
    remote = context.remote
    if remote is None:
        return {name for name in names if context.node.whereis(name) is not None}
    try:
        answer = await remote.ask(Names(sorted(names)), Named, LONGEST_S)
    except RemoteError as error:
        raise convert_error(error) from None
    return set() if isinstance(answer, Failed) else {name for name in answer.names if name in names}


def convert_error(error: RemoteError) -> OperationError:
    """Convert an error of a remote node to an error of an operation."""
    match error:
        case NodeGone():
            return OperationError("node_unavailable", str(error), hint="GET /api/v1/nodes lists the available nodes")
        case NodeSilent():
            hint = "the request may still complete"
            hint = hint if error.is_held else f"a callback may be blocking its event loop; {hint}"
            return OperationError("timeout", str(error), hint=hint)
        case NodeBusy():
            return OperationError("node_unavailable", str(error), hint="try again in a moment")
        case _:
            return OperationError("bad_answer", str(error), hint="code on that node may have changed the runtime")


def read_result(remote: RemoteNode, model: TypeAdapter[Any], data: bytes) -> Any:
    """Validate a JSON answer by its model and return it in JSON types. Raises BadAnswer."""
    if (too_much := excess(data)) is not None:
        raise remote.bad(too_much)
    try:
        found = model.dump_python(model.validate_json(data), mode="json", exclude_unset=True)
        if ODD_NUMBER.search(data):
            json.dumps(found, allow_nan=False)  # refuses what JSON has no number for
            _check_size(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise remote.bad(f"{where}: {problem_text(first)}" if where else problem_text(first)) from None
    except (ValueError, RecursionError) as error:
        raise remote.bad(str(error)) from None
    return found


def _check_size(found: Any) -> None:
    """Check that all integers fit into 64 bits. Raises ValueError."""
    left: list[Any] = [found]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(one, list):
            left += one  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(one, int) and not -LARGEST <= one < LARGEST:
            raise ValueError(f"expected numbers of at most 64 bits, got one of {one.bit_length()}")


def _seconds(operation: Operation, parameters: Mapping[str, Any]) -> float:
    timeout = None if operation.streams else parameters.get("timeout_ms")
    return LONGEST_S if timeout is None else timeout / 1000 + MARGIN_S


def refused(remote: RemoteNode, answer: Failed, codes: Collection[str]) -> OperationError:
    """Return the error that a node answered, if its code is a usual one or one of `codes`.

    Raises:
        OperationError: `bad_answer`, for another code.
    """
    if answer.code not in (*USUAL, *codes):
        raise convert_error(remote.bad(f"it failed there with {answer.code!r}: {answer.message}"))
    details = [
        Detail(
            None if one.field is None else clip(one.field, MOST_TEXT),
            clip(one.problem, MOST_TEXT),
            None if one.hint is None else clip(one.hint, MOST_TEXT),
        )
        for one in answer.details[:MOST_DETAILS]
    ]
    return OperationError(answer.code, clip(answer.message, MOST_TEXT), details=details)


class WouldDo(msgspec.Struct, forbid_unknown_fields=True):
    """The answer of a dry run."""

    dry_run: Literal[True]
    would: str
    affects: list[str]


def _dry_run(remote: RemoteNode, answer: Executed) -> DryRun:
    try:
        found = msgspec.json.decode(answer.data, type=WouldDo)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise remote.bad(str(error)) from None
    return DryRun(clip(found.would, MOST_TEXT), [clip(one, MOST_TEXT) for one in found.affects[:MOST_AFFECTED]])


def _meta(
    operation: Operation, remote: RemoteNode, meta: dict[str, Any] | None, parameters: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the numbers of a page, and for an empty list the time since which it is empty; drop other fields."""
    if not operation.paged:
        return None
    found: dict[str, Any] = {
        name: number for name, number in (meta or {}).items() if name in META and _is_count(number)
    }
    if meta is None or len(found) < len(META):
        raise remote.bad(f"{operation.name}: expected the numbers of a page")
    if not found["total"] and operation.name in OF_MEMORY:
        process = parameters.get("pid")  # restarts are listed by a name, not by a pid
        if process is not None and looks_like_pid(process):
            process = None
        listing, begins = command("restart.list", process=process, node=remote.name), ""
        if _is_count(meta.get("since")):  # an earlier version does not say so
            found["since"] = since = min(meta["since"], LATEST_S)
            begins = f" since {time_text(since)}"
        none = f"none {OF_MEMORY[operation.name]} in the memory of {remote.name}{begins}"
        found["note"] = f"{none}; `{listing}` lists what is stored"
    return found


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST_COUNTED


# Streams


class RemoteItem:
    """An item of a stream, rebuilt from its validated fields."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def fields(self) -> dict[str, Any]:
        """Return its fields as JSON values."""
        return self._fields

    def sent(self) -> bytes:
        """Return it as a server-sent event."""
        id, type = self._fields["id"], self._fields["type"]
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (id.encode(), type.encode(), to_json(self._fields))


class RemoteSource:
    """The source of a remote node's stream; requests items as they are read."""

    def __init__(self, remote: RemoteNode, operation: Operation, stream: Stream) -> None:
        self.closed = False
        self.behind = False
        self.last_id = _id(remote, stream.last_id)
        self._remote = remote
        self._operation = operation
        self._number = stream.number
        self._due = 0.0

    async def more(self, most: int, seconds: float) -> Sequence[RemoteItem]:
        """Wait at most `seconds` for items and return up to `most`; none after that time, or once closed."""
        if self.closed:
            return []
        most, now = min(most, MOST_ITEMS), otp.monotonic()
        await asyncio.sleep(max(0.0, min(self._due - now, seconds)))
        try:
            answer = await self._remote.ask(More(self._number, most, seconds), Items, seconds + MARGIN_S)
            if isinstance(answer, Failed):
                self.closed = True
                return []
            self._due = otp.monotonic() + max(PACE_S, len(answer.part) / BYTES_PER_S)
            found = read_result(self._remote, self._operation.encode, answer.part)
            if len(found["items"]) > most:
                raise self._remote.bad(f"{self._operation.name}: expected at most {most} items, got more")
            for one in found["items"]:
                _id(self._remote, one["id"])
                _id(self._remote, one["type"])
            self.last_id = _id(self._remote, found["last_id"])
            self.behind = found["ended"] == "limit"
        except RemoteError:
            self.close()  # the client reconnects with its last id, and then gets the error
            return []
        self.closed = self.closed or answer.closed
        return [RemoteItem(one) for one in found["items"]]

    def close(self) -> None:
        """Close the stream on the node; the reader is gone."""
        if not self.closed:
            self.closed = True
            self._remote.cast(Close(self._number))


def _id(remote: RemoteNode, id: str) -> str:
    """Check that an id or type is valid in a line of a stream, and return it."""
    if not ID.fullmatch(id):
        raise remote.bad(f"expected an id, got {id!r}")
    return id


# Files


def _download(operation: Operation, remote: RemoteNode, file: File) -> Download:
    if file.media not in ("application/json", *operation.media) or not operation.media:
        raise remote.bad(f"{operation.name}: expected a file of {', '.join(operation.media)}, got {file.media!r}")
    if not FILE_NAME.fullmatch(file.name):
        raise remote.bad(f"{operation.name}: expected the name of a file, got {file.name!r}")
    return Download(file.media, file.name, _parts(remote, file.number))


async def _parts(remote: RemoteNode, number: int) -> AsyncIterator[str]:
    """Yield the parts of a file. A truncated file ends in an error, so that it is not mistaken for the whole."""
    size, parts, ended = 0, 0, False
    try:
        while True:
            answer = await remote.ask(PartOf(number), Part, PART_S)
            if isinstance(answer, Failed) or answer.text is None:
                ended = True
                if isinstance(answer, Failed):
                    raise remote.bad(f"the file ends with {answer.code!r}")
                return
            size, parts = size + len(answer.text), parts + 1
            if size > MOST_FILE or parts > MOST_PARTS:
                raise remote.bad(f"expected a file of at most {MOST_FILE} characters in {MOST_PARTS} parts, got more")
            yield answer.text
    finally:
        if not ended:
            remote.cast(Close(number))
