"""Command lines that hints, pages and logs show; all are made here, so that they run as they are printed.

`tools/check_commands.py` refuses commands that are written as text.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["beginning", "command", "complete", "complete_all", "quoted"]

PLAIN: Final = re.compile(r"[\w./:=@%+,-]+", re.ASCII)

ALONE: Final = re.compile(r"(run|doctor)\b")
"""Commands that start a platform of their own, or look at the machine."""
ON_FILES: Final = re.compile(r"(config|db|node b)\b|token(?! +[a-z])")
"""Commands on the files of the platform, for its own machine; `token VERB` is an operation."""
UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
"""Categories of control characters, and of those that reverse the direction of text; as in `base/commands.js`."""
PRINTED: Final = re.compile(r"`superlearner (?=([a-z][^`]*)`)")


def command(words: str, /, *arguments: object, node: str | None = None, **options: Any) -> str:
    """Return a command line for a shell, without the backticks that a sentence puts around it.

    Args:
        words: an operation by its name, or the words of another command.
        arguments: positional arguments.
        node: the node on which an operation acts; None for the default node.
        options: options by the names of parameters. True and False are flags, lists repeat the option, None leaves it
            out.

    >>> command("error.why", "<0.17.0>", node="shop@127.0.0.1")
    "superlearner error why '<0.17.0>' --node shop@127.0.0.1"
    >>> print(command("supervisor.set_flags", "Jo's shop", max_restarts=30))
    superlearner supervisor set-flags 'Jo'"'"'s shop' --max-restarts 30
    >>> command("process.kill", "-1", force=True)
    'superlearner process kill --force -- -1'
    >>> command("attach", list=True)
    'superlearner attach --list'
    """
    given: Mapping[str, Any] = {**options, "node": node}
    named = [word for name, value in given.items() for word in _option(f"--{name.replace('_', '-')}", value)]
    category, dot, verb = words.partition(".")
    begin = ["superlearner", f"{category} {verb.replace('_', '-').replace('.', '-')}" if dot else words]
    placed = [quoted(str(one)) for one in arguments]
    if any(str(one).startswith("-") for one in arguments):
        return " ".join([*begin, *named, "--", *placed])
    return " ".join([*begin, *placed, *named])


def beginning(**options: Any) -> str:
    """Return the beginning of commands that need these options to reach a platform.

    >>> beginning(url=None, data_dir="/class a")
    "superlearner --data-dir '/class a'"
    """
    words = [word for name, value in options.items() for word in _option(f"--{name.replace('_', '-')}", value)]
    return " ".join(["superlearner", *words])


def _option(name: str, value: Any) -> list[str]:
    match value:
        case None:
            return []
        case bool():
            return [name if value else f"--no-{name[2:]}"]
        case list():
            return [word for one in value for word in _option(name, one)]  # pyright: ignore[reportUnknownVariableType]
        case _:
            text = str(value)
            return [f"{name}={quoted(text)}"] if text.startswith("-") else [name, quoted(text)]


def quoted(text: str) -> str:
    r"""Return a text as a word for a shell; bash and zsh understand the escapes of `$'…'`.

    >>> print(quoted("a b"), quoted("red\x1b[31m, \u202eright to left"))
    'a b' $'red\x1b[31m, \U0000202eright to left'
    """
    if PLAIN.fullmatch(text):
        return text
    if not any(map(_is_unseen, text)):
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, text))}'"


def _is_unseen(one: str) -> bool:
    return unicodedata.category(one) in UNSEEN


def _escaped(one: str) -> str:
    if _is_unseen(one):
        return f"\\x{ord(one):02x}" if one.isascii() else f"\\U{ord(one):08x}"
    return f"\\{one}" if one in "\\'" else one


def complete(text: str, begin: str) -> str:
    """Return a text whose commands reach the platform that it is about.

    Args:
        text: a text with commands in backticks.
        begin: the beginning of commands in the reader's terminal, see `command_line` of `data_dir`.

    >>> complete("see `superlearner error why 0.17.0`, or `superlearner run`", "superlearner --data-dir '/class a'")
    "see `superlearner --data-dir '/class a' error why 0.17.0`, or `superlearner run`"
    """

    def completed(found: re.Match[str]) -> str:
        alone = ALONE.match(found[1]) or (" --url " in begin and ON_FILES.match(found[1]))
        return f"`{'superlearner' if alone else begin} "

    return PRINTED.sub(completed, text)


def complete_all(text: str, begin: str) -> str:
    """Return a text whose commands begin with `begin`, except those that already name a data directory.

    >>> complete_all("try `superlearner run --data-dir /b`, or `superlearner doctor`", "superlearner --data-dir /a")
    'try `superlearner run --data-dir /b`, or `superlearner --data-dir /a doctor`'
    """
    return PRINTED.sub(lambda found: found[0] if " --data-dir " in found[1] else f"`{begin} ", text)
