"""Moments as files: a restart, a give-up or an answer of the game, which a browser plays without a platform.

A file leaves the machine. Its texts are redacted again, absolute paths outside code are shortened to their last part,
and the paths of the tree are replaced by numbers. The content is made by the platform, never by the node: a sandbox can
not put a script into it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast

from otp import sentences
from otp.redaction import without_secrets
from superlearner.operations.builtin.game import LevelNumber, Picked, Seed
from superlearner.operations.builtin.restart_incidents import refuse_incident
from superlearner.operations.builtin.restarts import EventRef, EventTime
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.execution import ask
from superlearner.operations.engine.requesters import Requester
from superlearner.operations.engine.seams import MomentFiles, MomentPage
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.results import TextFile
from superlearner.operations.results.restarts import Moment

Json: TypeAlias = "dict[str, Any]"
MOST_BYTES: Final = 250_000
PATH: Final = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:[\\/]+|~?/|\\\\)(?:[^\s\\/'\"<>:,;()]+[\\/]+)+(?=[^\s\\/])")
"""The folders of an absolute path, without its last part."""
HOME: Final = re.compile(
    r"""(?<![\w.:/\\])(?:[A-Za-z]:[\\/]+Users[\\/]+[^\s\\/'"]+|/(?:home|Users)/[^\s/'"]+|/root)(?=[\\/])"""
)
"""The home folder of a user."""
CODE: Final = frozenset({"source", "code"})
"""Keys of quoted source code, in which only home folders are shortened."""
NAMES_A_NODE: Final = frozenset({"id", "to", "by", "also", "not"})
"""Keys of ids of nodes in a moment."""
UNSAFE_IN_NAME: Final = re.compile(r"[^A-Za-z0-9_.]+")


@operation("restart.export", http=("GET", "/restarts/{event}/file"), scope="read", outlives=True,
           errors=("restart_not_found", "restart_not_kept", "node_not_found", "node_unavailable", "bad_answer",
                   "conflict"), short="content")  # fmt: skip
async def export(
    ctx: Context, services: Services, files: MomentFiles, /, event: EventRef, at: EventTime = None
) -> TextFile:
    """Export a restart as a file.

    One HTML file of at most 250 kB that plays the restart in any browser, without this platform and without any
    network. Secrets are redacted, and absolute paths are shortened; in quoted code, only home folders are.
    """
    found = await ask(ctx, services, "restart.show", {"event": event, "at": at})
    refuse_incident(Moment.model_validate(found))
    moment = without_users(found)
    happened = datetime.fromtimestamp(moment["at"], UTC)
    return await _file(files, headline(moment), happened, moment, moment["node"])


@operation("game.export", http=("GET", "/game/levels/{level}/file"), scope="read", on="platform", of="everyone",
           errors=("validation_error", "conflict"), short="content")  # fmt: skip
async def export_game(
    ctx: Context, services: Services, files: MomentFiles, /, level: LevelNumber, seed: Seed = 1, picked: Picked = ""
) -> TextFile:
    """Export an answer of the game Predict as a file.

    One HTML file that plays what the runtime did, compared with the prediction; see restart.export.
    """
    answer = await ask(ctx, services, "game.answer", {"level": level, "seed": seed, "picked": picked})
    guessed = ", ".join(one["id"] for one in answer["nodes"] if one["verdict"] in ("right", "wrong"))
    notes = [
        f"Predicted: {guessed or 'no restart'}. Restarted: {', '.join(answer['restarted']) or 'no process'}.",
        answer["rule"],
    ]
    moment = {**answer["moment"], "took": None}
    victim = _victim(moment)
    return await _file(files, f"Predict, level {level}: {victim} is killed", datetime.now(UTC), moment, notes=notes)


async def _file(
    files: MomentFiles, title: str, at: datetime, moment: Json, node: str | None = None, notes: list[str] | None = None
) -> TextFile:
    """Return the file of a moment, if necessary with fewer processes, or without their states."""
    title = clean(title)
    name = UNSAFE_IN_NAME.sub("-", f"{title[:60]} {at:%Y-%m-%d %H%M%S}").strip("-.")
    few = without_bystanders(moment)
    for less in (moment, few, without_states(few)):
        page = MomentPage(title, at, node, clean(less["summary"]), portable(less), notes)
        text = await asyncio.to_thread(files.make, page)
        if (size := len(text.encode())) <= MOST_BYTES:
            return TextFile(filename=f"{name}.html", media_type="text/html", size=size, content=text)
    why = f"expected a restart whose file has at most {MOST_BYTES} bytes, got a larger one"
    raise OperationError("conflict", why, hint="GET /api/v1/restarts/{event} returns it as data")


# What a file may tell


def clean(text: str) -> str:
    """Return a text without secrets, without the folders of absolute paths, and for any reader.

    >>> clean("token=abc in /data/ada/shop/ledger.py:7, see https://example.org/a/b and shop/ledger")
    'token=*** in …/ledger.py:7, see https://example.org/a/b and shop/ledger'
    """
    return PATH.sub("…/", without_secrets(text))


def without_users(moment: Json) -> Json:
    """Return a moment that does not name the users who caused it.

    >>> kill = {"user": "ada", "interface": "page", "operation": "process.kill", "at": 0.0}
    >>> without_users(
    ...     {
    ...         "summary": "ledger was killed, by ada's request from the page (process.kill)",
    ...         "request": "ada's request from the page (process.kill)",
    ...         "requester": kill,
    ...     }
    ... )["summary"]
    'ledger was killed, by a request from the page (process.kill)'
    """
    handled: Json = moment.get("handled") or {}
    words: dict[str, str] = {}
    if moment.get("requester"):
        words[moment["request"]] = Requester(**moment["requester"]).unnamed.describe_request(None)
    if handled.get("requester"):
        words[handled["sender"]] = Requester(**handled["requester"]).unnamed.describe_sender(None)

    def copy(value: Any) -> Any:
        if isinstance(value, dict):
            items = cast("Json", value).items()
            return {name: copy(one) for name, one in items if name != "requester"}
        if isinstance(value, list):
            return [copy(one) for one in cast("list[Any]", value)]
        if isinstance(value, str):
            for known, unnamed in words.items():
                value = value.replace(known, unnamed)
        return value

    return copy(moment)


def portable(moment: Json) -> Json:
    """Return a moment whose texts are clean; the ids of its nodes are numbers."""
    ids = {node["id"]: f"{number}" for number, node in enumerate(_nodes(moment["root"]))}

    def copy(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: copy(one, name) for name, one in cast("Json", value).items()}
        if isinstance(value, list):
            return [copy(one, key) for one in cast("list[Any]", value)]
        if not isinstance(value, str):
            return value
        if key in CODE:
            return HOME.sub("~", without_secrets(value))
        if key in NAMES_A_NODE:
            return ids.get(value) or clean(value.rpartition("/")[2])
        return clean(value)

    return copy(moment)


def without_bystanders(moment: Json) -> Json:
    """Return a moment without the processes to which nothing happened; they are counted."""
    touched = {one[key] for one in moment["events"] for key in ("id", "to", "by") if one.get(key)}

    def stays(node: Json) -> bool:
        return node["id"] in touched or any(map(stays, node["children"]))

    def smaller(node: Json) -> Json:
        children = [smaller(one) for one in node["children"] if stays(one)]
        return {**node, "children": children, "more": node["more"] + len(node["children"]) - len(children)}

    return {**moment, "root": smaller(moment["root"])}


def without_states(moment: Json) -> Json:
    """Return a moment without the states of its processes."""

    def smaller(node: Json) -> Json:
        return {**node, "state": None, "children": [smaller(one) for one in node["children"]]}

    events = [{**one, "state": None} if "state" in one else one for one in moment["events"]]
    return {**moment, "root": smaller(moment["root"]), "events": events}


def _nodes(node: Json) -> Iterator[Json]:
    yield node
    for child in node["children"]:
        yield from _nodes(child)


# What happened


def headline(moment: Json) -> str:
    """Return a restart in a few words: `checkout_sup gave up`. The page says the same."""
    if moment.get("program") and len(moment["events"]) == 1:  # a service or a member came or went
        return str(moment["summary"])
    if moment.get("moved"):
        return str(moment["summary"]).partition(": ")[0]
    names = {node["id"]: node["name"] for node in _nodes(moment["root"])}
    decided = [event for event in moment["events"] if event["kind"] == "decide"]
    fallen = dict.fromkeys(names.get(one["id"], one["id"]) for one in decided if one["what"] == "give_up")
    if fallen:
        return f"{sentences.listed(list(fallen))} gave up"
    started = any(event["kind"] == "start" for event in moment["events"])
    victim = _victim(moment)
    return f"{names.get(victim, victim)} {'restarted' if started else 'ended'}"


def _victim(moment: Json) -> str:
    events = moment["events"]
    first = next((one for one in events if one["kind"] == "crash"), events[0] if events else moment["root"])
    return first["id"]
