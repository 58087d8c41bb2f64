"""The start of the console: platform, operations, banner."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from superlearner import __version__
from superlearner.cli.asking import RequestRefused
from superlearner.cli.console.calls import Caller, Functions
from superlearner.cli.console.names import namespace, node_names
from superlearner.cli.ends import NO_PLATFORM, USAGE, fail
from superlearner.cli.finding import PlatformNotFound, WrongUrl, data_dir_of
from superlearner.cli.plain import paragraph
from superlearner.cli.remote import Remote

__all__ = ["FOLDER", "open_console"]

FOLDER: Final = "console"
"""The folder in the data directory for history and a background platform's log."""


def open_console(remote: Remote, code: Sequence[str] = (), *, node: str | None = None, as_json: bool = False) -> int:
    """Run the texts of `code` or piped input, or open the prompt; return the exit code.

    All texts run, in order and with the same names; the exit code is that of the first failure. Calls go to `node`.
    """
    names = _names(remote, node)
    if not code and not sys.stdin.isatty():
        code = [sys.stdin.read()]
    if code:
        from superlearner.cli.console.batch import run_texts

        return run_texts(code, names, as_json=as_json)
    from superlearner.cli.console.prompt import open_prompt

    open_prompt(names, _banner(remote, names), _history(remote.data_dir))
    return 0


def _names(remote: Remote, node: str | None) -> dict[str, Any]:
    try:
        lines = remote.operations()
    except PlatformNotFound as error:
        fail(paragraph(str(error)), NO_PLATFORM)
    except WrongUrl as error:
        fail(paragraph(str(error)), USAGE)
    except RequestRefused as error:
        fail(paragraph(f"{error.code}: {error}" + "".join(f"\n  {hint}" for hint in error.hints)))
    except OSError as error:
        fail(str(error))
    caller = Caller(remote, {line["name"]: line for line in lines}, node)
    if node is not None and node not in (known := node_names(caller)):
        fail(f"there is no node {node!r}\n  expected one of {', '.join(known)}")
    return namespace(caller)


def _banner(remote: Remote, names: dict[str, Any]) -> str:
    services = ", ".join(
        sorted(name for name, one in names.items() if name[0].isupper() and isinstance(one, Functions))
    )
    return (
        f"SuperLearner {__version__}, the platform at {remote.platform().url}. Ctrl-D leaves.\n"
        f"{services} are here, and every operation by its category:\n"
        'try supervisor.list(), process.info("counter_1"), help(process.kill), Arsenal.'
    )


def _history(data_dir: Path | None) -> Path | None:
    """Return the folder of IPython's history, which only the owner can read."""
    folder = (data_dir or data_dir_of()) / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder
