"""Inside a sandbox: loads another source, in all servers or in none."""

from __future__ import annotations

import io
import linecache
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import otp
from otp import Pid, code, observer
from superlearner.control.failures import Place, explain_refusal
from superlearner.control.mistakes import locate
from superlearner.control.names import display_name
from superlearner.control.reasons import has_own_frame
from superlearner.control.terms import clip, plain_pid, safe_text, text_of
from superlearner.control.tree import supervisor_state, what_of
from superlearner.sandbox.messages import MOST_SERVERS, STATE_LENGTH, WORDS
from superlearner.sandbox.review import review
from superlearner.sandbox.source import MOST_SOURCE
from superlearner.sandbox.syntax import FILE

__all__ = ["exchange", "reload", "show_lines", "source_of"]

CHANGE_S: Final = 5.0
"""Maximum duration of one `code_change`, in seconds."""

TRIAL_S: Final = 1.0
"""Seconds for each server to handle the messages that were waiting for it."""


class Typed(SourceFileLoader):
    """Loads a module from a string; its file, perhaps someone else's, is unchanged."""

    def __init__(self, module: ModuleType, text: str) -> None:
        super().__init__(module.__name__, module.__file__ or FILE)
        self._text = text

    def get_data(self, path: str) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the text in place of the file."""
        return self._text.encode() if path == self.path else super().get_data(path)


def source_of(module: ModuleType) -> str | None:
    """Return the text of a module's file, unless it is too long to edit."""
    try:
        text = Path(module.__file__ or "").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) <= MOST_SOURCE else None


async def exchange(module: ModuleType, text: str, trial: float = 0.0) -> code.UpgradeReport:
    """Switch a module and its servers to another source. Raises UpgradeRefused.

    With a `trial`, all switch back if one crashes on the messages that waited for it; it lasts at most `trial` seconds.
    """
    spec: Any = module.__spec__
    before = spec.loader
    spec.loader = Typed(module, text)
    try:
        return await code.reload(module, timeout=CHANGE_S, trial=trial)
    except code.UpgradeRefused:
        spec.loader = before
        raise


def show_lines(module: ModuleType, text: str) -> Callable[[], object]:
    """Make tracebacks show lines of this text; return a function that undoes that."""
    path = module.__file__ or FILE
    known = linecache.cache.get(path)
    # an entry without a time is not compared with the file
    linecache.cache[path] = len(text), None, io.StringIO(text, newline=None).readlines(), path

    def undo() -> None:
        linecache.cache.pop(path, None)
        if known is not None:
            linecache.cache[path] = known

    return undo


async def reload(node: otp.Node, module: ModuleType, text: str) -> dict[str, Any]:
    """Load another source, or change nothing; return a `told.Report` as a dict.

    It never raises: the service of the sandbox continues, regardless of what either source defines.
    """
    undo: Callable[[], object] = int
    names: dict[Pid, str] = {}
    try:
        servers = [one.pid for one in code.versions(module)][:MOST_SERVERS]
        names |= {pid: _name(pid) for pid in servers}  # an ended process has no name
        before = {pid: _state(node, pid) for pid in servers}
        undo = show_lines(module, text)
        report = await exchange(module, text, TRIAL_S)
    except code.UpgradeRefused as refused:
        words = explain_refusal(refused, lambda pid: names.get(pid) or _name(pid), _place(module, text, refused))
    except BaseException as error:  # here, `SystemExit` and `KeyboardInterrupt` can only come from the source
        words = f"nothing has changed: the new source cannot be loaded: {text_of(error, WORDS)}"
    else:
        return {
            "servers": [
                {
                    "pid": plain_pid(one.pid),
                    "name": names.get(one.pid) or _name(one.pid),
                    "what": text_of(one.cls, 200),
                    "old_vsn": text_of(one.old_vsn, 100),
                    "new_vsn": text_of(one.new_vsn, 100),
                    "before": before.get(one.pid),
                    "after": _state(node, one.pid),
                }
                for one in report.servers[:MOST_SERVERS]
            ],
            "servers_count": len(report.servers),
            "still_old": [plain_pid(pid) for pid in report.still_old[:MOST_SERVERS]],
            "warnings": review(module, text),
        }
    undo()
    return {"refused": clip(words, WORDS)}


def _place(module: ModuleType, text: str, refused: code.UpgradeRefused) -> Place | None:
    """Return the line of the new source for which a process refused it, if the reason has none."""
    if refused.server is None or has_own_frame(refused.reason):
        return None
    place = locate(text, what_of(refused.server), "init", refused.reason)
    return None if place is None else (module.__file__ or FILE, *place)


def _state(node: otp.Node, pid: Pid) -> str | None:
    """Return the state of a server as text; None for a supervisor."""
    if supervisor_state(pid) is not None:
        return None
    try:
        found = observer.process(node, pid, messages=0, length=STATE_LENGTH, exits=0, related=0)
    except BaseException as error:  # a value may be of any class, with any `repr`
        return f"cannot be shown: {text_of(error, WORDS)}"
    return None if found is None or found.state is None else clip(safe_text(found.state), STATE_LENGTH)


def _name(pid: Pid) -> str:
    return clip(display_name(pid) or what_of(pid), 200)
