"""`superlearner tree`: a platform's supervision trees, once or after each change."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from otp.standard_streams import raise_broken_pipe
from superlearner.base.shortage import cause_text
from superlearner.base.terminal import print_line
from superlearner.cli.asking import PlatformAnswer
from superlearner.cli.door import ask_or_fail, reach
from superlearner.cli.ends import FAILED, NO_PLATFORM, fail
from superlearner.cli.finding import FoundPlatform
from superlearner.cli.manifest import entry_of_verb
from superlearner.cli.plain import paragraph, plain_lines
from superlearner.cli.showing import completed, json_text, note_elsewhere

__all__ = ["show_tree", "watch_tree"]

LIVE: Final = "/live/supervisors"
CHANGES: Final = frozenset({"x", "n", "p"})
"""Keys of live frames that change rows; other frames are heartbeats."""
FROM_THE_TOP: Final = "\x1b[H\x1b[2J"
NAMED: Final = 3
"""Processes without a supervisor that are named; of more, only the number is given."""
Wanted = Mapping[str, str | int | None]


def show_tree(url: str | None, data_dir: Path | None, wanted: Wanted, node: str | None) -> None:
    """Write the trees of a node, or the one below a root: `wanted` are parameters of `tree.show`, None by default."""
    platform = reach(url, data_dir)
    answer = _ask(platform, wanted, node)
    print_line(_drawn(platform, wanted, answer, node=node))
    if answer.meta is not None:
        note_elsewhere(completed(answer.meta, platform.begin))


def watch_tree(url: str | None, data_dir: Path | None, wanted: Wanted, node: str | None) -> None:
    """Write the trees now and after each change reported by live frames, until Ctrl-C or until its reader leaves."""
    platform = reach(url, data_dir)
    raise_broken_pipe()
    before = None
    # An exception could hit a library that holds a lock, and closing the connection would wait for that lock.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(0))
    for _ in _changes(platform, node):
        drawn = _drawn(platform, wanted, _ask(platform, wanted, node), compact=True, node=node)
        if drawn == before:
            continue
        before = drawn
        try:
            if sys.stdout.isatty():
                lines = shutil.get_terminal_size().lines - 1
                print_line(FROM_THE_TOP + "\n".join(drawn.split("\n")[:lines]))
            else:
                print_line(drawn if wanted["format"] == "json" else f"{drawn}\n")
        except BrokenPipeError:
            return
    if node is not None:
        _ask(platform, wanted, node)  # reports an error if only the node has ended
    fail(f"the platform at {platform.url} has ended", NO_PLATFORM)


def _ask(platform: FoundPlatform, wanted: Wanted, node: str | None) -> PlatformAnswer:
    values = {name: value for name, value in wanted.items() if value is not None}
    return ask_or_fail(platform, entry_of_verb("tree", "show") or {}, values, node=node)


def _drawn(
    platform: FoundPlatform, wanted: Wanted, answer: PlatformAnswer, *, compact: bool = False, node: str | None = None
) -> str:
    data: Any = answer.data
    if wanted["format"] == "json":
        return json.dumps(data) if compact else json_text(data)
    drawing = data["drawing"]
    drawn = plain_lines(drawing["text"]).rstrip("\n")
    if wanted["format"] != "text" or wanted["root"] is not None:
        return drawn
    processes = drawing["processes"]
    count = f"{processes:,} {'process' if processes == 1 else 'processes'}"
    if drawing.get("besides"):
        count += " besides the playground"
    alone = drawing.get("alone") or 0
    names = _list_alone(platform, wanted, node) if 0 < alone <= NAMED else []
    if names or alone > NAMED:  # a child in its init counts, too, and is in no list
        some = "" if alone == processes else f", {alone:,} of them"
        which = f": {', '.join(names)}" if names else ""
        count += f"{some} without a supervisor{which}"
    hint = "; `--whose all` also shows those of the platform" if drawing["left_out"] else ""
    why = ""
    if not drawn and (note := (answer.meta or {}).get("note")):
        why = f"\n{plain_lines(note)}"
    elif not drawn and node is not None:
        why = "; no supervisor is running there"
    return f"{drawn}\n\n{count}{hint}{why}".lstrip("\n")


def _list_alone(platform: FoundPlatform, wanted: Wanted, node: str | None) -> list[str]:
    """Return the processes without a supervisor, which are not in the drawing."""
    asked = {"supervised": False, "per_page": NAMED + 1, "whose": wanted.get("whose") or "yours"}
    lines: Any = ask_or_fail(platform, entry_of_verb("process", "list") or {}, asked, node=node).data
    alone = [one for one in lines if one["type"] != "supervisor"]
    return [plain_lines(one["name"] or f"{one['what']} {one['pid']}") for one in alone]


def _changes(platform: FoundPlatform, node: str | None) -> Iterator[None]:
    """Yield at the start and after each change, until the platform or the node ends."""
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
    from websockets.sync.client import connect

    from superlearner.base.tls import client_context

    headers = {} if platform.token is None else {"authorization": f"Bearer {platform.token}"}
    address = platform.url.replace("http", "ws", 1) + LIVE + ("" if node is None else f"?node={quote(node)}")
    open_it: Callable[..., Any] = connect
    tls = {"ssl": client_context(platform.certificate)} if address.startswith("wss:") else {}
    try:
        socket = open_it(address, additional_headers=headers, proxy=None, max_size=None, **tls)
    except InvalidHandshake as error:
        fail(f"the live feed of {platform.url} refused access: {paragraph(str(error))}", FAILED)
    except (OSError, TimeoutError) as error:
        fail(f"no platform answers at {platform.url} ({cause_text(error)})", NO_PLATFORM)
    with socket, suppress(ConnectionClosed):
        while True:
            frame = json.loads(socket.recv())
            if frame["k"] == "s" or CHANGES & set(frame):
                yield
