"""Error messages for mistyped commands and arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

from superlearner.base.commands import command
from superlearner.base.data_dir import in_data_dir
from superlearner.base.validation import describe_problem, nearest, plain
from superlearner.cli.manifest import entry_of_verb, verbs

__all__ = ["command_meant", "explained", "listing"]

COMMANDS: Final = {
    **dict.fromkeys(("timeline", "history", "restarts"), "restart list"),
    **dict.fromkeys(("ps", "processes", "map"), "process list"),
    **dict.fromkeys(("supervisors", "children"), "supervisor list"),
    **dict.fromkeys(("messages", "traces"), "trace list"),
    **dict.fromkeys(("start", "serve"), "run"),
    **dict.fromkeys(("logs", "tail"), "log list"),
    **dict.fromkeys(("anomalies", "problems", "alerts", "warnings"), "system anomalies"),
    **dict.fromkeys(("show", "info", "inspect", "describe"), "process info"),
    **dict.fromkeys(("list", "ls"), "process list"),
    **dict.fromkeys(("status", "health"), "system health"),
    **dict.fromkeys(("errors", "crashes", "failures"), "error list"),
    "help": "--help",
    "why": "error why",
    "kill": "process kill",
    "predict": "supervisor predict",
}
"""Pages, verbs and commands of other tools, and the command that shows or does the same."""

LONGEST: Final = 100
NO_CHOICE: Final = re.compile(r"(?P<typed>'.*'|\".*\") is not one of (?P<choices>.+?)\.?", re.DOTALL)


def command_meant(typed: str, commands: Sequence[str]) -> str | None:
    """Return the command that means the same as an unknown one, has it as its verb, or is spelt like it.

    >>> command_meant("timeline", ["restart", "run"]), command_meant("rnu", ["restart", "run"])
    ('restart list', 'run')
    >>> command_meant("bottlenecks", ["analytics", "system"])
    'system bottlenecks'
    """
    meant = COMMANDS.get(typed)
    if meant is not None and (meant.startswith("--") or meant.partition(" ")[0] in commands):
        return meant
    having = [command for command in commands if typed.replace("_", "-") in verbs(command)]
    if len(having) == 1:
        return f"{having[0]} {typed}"
    return next(iter(get_close_matches(typed, commands, n=1)), None)


def listing(ctx: Any) -> str:
    """Return a sentence with the command that lists what a command without its argument may have meant; "" for none."""
    if ctx is None or ctx.parent is None:
        return ""
    group, verb = str(ctx.parent.info_name), str(ctx.info_name)
    entry = entry_of_verb(group, "list") if entry_of_verb(group, verb) is not None else None
    if entry is None or verb == "list" or any(one["required"] for one in entry["parameters"]):
        return ""
    summary = str(entry["summary"])
    folder = ctx.find_root().params.get("data_dir")
    return in_data_dir(f"To {summary[0].lower()}{summary[1:]}: `{command(entry['name'])}`", folder)


def explained(message: str, cause: Any = None) -> str:
    """Return the option parser's message in our words, with a suggestion for a mistyped choice.

    Args:
        message: the message of the option parser.
        cause: the exception behind it; one of pydantic is described by its first problem.

    >>> explained("Value error, 'kast' is not one of 'send', 'cast', 'call'.")
    "'kast' is not one of 'send', 'cast', 'call'; did you mean cast?"
    >>> explained("Value error, 'x' is not one of 'send', 'cast', 'call'.")
    "'x' is not one of 'send', 'cast', 'call'."
    """
    problem = next(iter(cause.errors()), None) if hasattr(cause, "errors") else None
    message = plain(message) if problem is None else describe_problem(problem, repr(problem["input"])[:LONGEST])[0]
    found = NO_CHOICE.fullmatch(message)
    if found is None:
        return message
    near = nearest(found["typed"][1:-1], found["choices"])
    return message.removesuffix(".") + near if near else message
