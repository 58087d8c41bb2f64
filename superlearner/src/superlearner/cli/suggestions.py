"""Suggestions for unknown commands, unknown options and extra arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final

from superlearner.cli.manifest import Entry, categories, entry_of_verb, has_category, verbs

__all__ = ["describe_extra", "describe_options", "describe_verbs", "suggest_options"]

SPELT: Final = 0.75
"""Similarity from which a verb may be a misspelling; `show` and `shutdown` have 0.67."""
MOST_GROUPS: Final = 3
"""The most groups with a verb that are suggested."""
MOST_EXAMPLES: Final = 6
"""The most commands that are named as examples."""
SHOWS: Final = (
    "info", "show", "get", "status", "why", "health", "page", "lesson", "level", "module", "whereis", "peek", "list",
)  # fmt: skip
LISTS: Final = ("list", "stats", "stream", "backups", "modules", "sessions", "operations", "tours", "show")
ENDS: Final = ("kill", "stop", "end", "off", "delete", "destroy", "remove", "revoke", "detach", "forget", "cancel")
STARTS: Final = ("start", "create", "add", "attach", "simulate", "load")
SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("show", "get", "describe", "status", "inspect", "info", "details", "view", "look"), SHOWS),
    **dict.fromkeys(("list", "ls", "all"), LISTS),
    **dict.fromkeys(("end", "stop", "kill", "rm", "remove", "delete", "terminate"), ENDS),
    **dict.fromkeys(("start", "new", "create", "add", "run"), STARTS),
    **dict.fromkeys(("set", "change", "update"), ("set", "update", "set-flags", "set-env")),
    **dict.fromkeys(("history", "timeline"), ("history", "timeline", "stored", "changes", "list")),
    **dict.fromkeys(("log", "logs", "tail", "watch", "follow"), ("log", "stream")),
    **dict.fromkeys(("dump", "save", "download"), ("export", "backup", "save", "file")),
    "restart": ("restart", "restart-child"),
    "find": ("search", "whereis"),
    "grep": ("search",),
}
"""Verbs of other tools, and ours that mean the same, the best first."""
OF_OTHER_GROUPS: Final = {
    **dict.fromkeys(("why", "explain", "reason", "cause"), "error why"),
    **dict.fromkeys(("errors", "crashes", "failures", "exits"), "error list"),
    **dict.fromkeys(("log", "logs"), "log list"),
    **dict.fromkeys(("watch", "follow", "tail"), "events stream"),
    **dict.fromkeys(("history", "restarts", "timeline"), "restart list"),
    **dict.fromkeys(("anomalies", "problems", "alerts"), "system anomalies"),
    **dict.fromkeys(("messages", "queue", "mailbox"), "mailbox peek"),
    **dict.fromkeys(("ps", "processes"), "process list"),
    **dict.fromkeys(("restart", "restart-child"), "supervisor restart-child"),
    **dict.fromkeys(("send", "cast", "call"), "process message"),
    **dict.fromkeys(("health", "status"), "system health"),
    "kill": "process kill",
    "state": "state get",
    "trace": "trace start",
    "tree": "tree show",
}
"""Verbs, and the command with this meaning in another group."""
OPTION_SYNONYMS: Final = {
    **dict.fromkeys(("--limit", "--max", "--count", "--number", "--lines", "--tail"), ("--per-page", "--limit")),
    **dict.fromkeys(("--offset", "--skip"), ("--page",)),
    **dict.fromkeys(("--pid", "--name", "--supervisor"), ("--process", "--pid", "--search")),
    **dict.fromkeys(("--output", "--format"), ("--json",)),
    **dict.fromkeys(("--grep", "--filter", "--search", "--query", "--text"), ("--search", "--text", "--tag")),
    **dict.fromkeys(("--from", "--after"), ("--since",)),
    **dict.fromkeys(("--to", "--before"), ("--until",)),
    **dict.fromkeys(("--all", "--past", "--history"), ("--ended",)),
    **dict.fromkeys(("--type", "--kind"), ("--type", "--kind", "--types", "--what")),
    **dict.fromkeys(("--timeout", "--wait"), ("--timeout-ms", "--timeout")),
    "--host": ("--url",),
}
"""Options of other tools, and ours that mean the same."""
BEFORE: Final = ("--url", "--data-dir", "--cacert")
"""The options of the program."""


def suggest_verbs(group: str, typed: str, there: Sequence[str]) -> list[str]:
    """Return the commands that an unknown verb may mean, the best first: of its group the verb, of others the command.

    >>> suggest_verbs("error", "show", ["last", "list", "why"]), suggest_verbs("process", "why", ["info", "kill"])
    (['why'], ['error why'])
    >>> suggest_verbs("process", "kil", ["info", "kill"]), suggest_verbs("process", "set-flags", ["info", "kill"])
    (['kill'], ['supervisor set-flags'])
    """
    typed = typed.replace("_", "-").casefold()
    if own := [verb for verb in SYNONYMS.get(typed, ()) if verb in there and verb != typed][:1]:
        return own
    other, _, verb = OF_OTHER_GROUPS.get(typed, "").partition(" ")
    if other:
        return [verb] if other == group else [f"{other} {verb}"]
    if own := get_close_matches(typed, there, 1, SPELT):
        return own
    having = [f"{one} {typed}" for one in categories() if one != group and entry_of_verb(one, typed) is not None]
    return having if len(having) <= MOST_GROUPS else []


def describe_verbs(group: str, typed: str, there: Sequence[str]) -> str:
    """Return the error about an unknown verb: what it may mean, and the verbs of its group.

    >>> describe_verbs("error", "show", ["last", "list", "why"])
    "No such command 'show'. Did you mean 'why'? error has last, list and why"
    """
    meant = [f"{one!r}" for one in suggest_verbs(group, typed, there)]
    question = f" Did you mean {_join(meant, 'or')}?" if meant else ""
    return f"No such command {typed!r}.{question} {group} has {_join(there)}"


def suggest_options(typed: str, there: Sequence[str]) -> list[str]:
    """Return the option of a command that means the same as an unknown one, as a list of at most one.

    >>> suggest_options("--limit", ["--page", "--per-page"]), suggest_options("--limit", ["--page"])
    (['--per-page'], [])
    """
    return [one for one in OPTION_SYNONYMS.get(typed, ()) if one in there and one != typed][:1]


def describe_options(ctx: Any, typed: str, near: Sequence[str]) -> str:
    """Return the error about an unknown option: what it may mean, the commands of the group with it, and what there is.

    Args:
        ctx: the context of the command.
        typed: the option.
        near: options of the command with a similar spelling.
    """
    there = list(dict.fromkeys(one for each in ctx.command.params for one in each.opts if one.startswith("--")))
    if not there:
        inner = list(getattr(ctx.command, "commands", ()))
        return f"Write it after a command: {ctx.info_name} has {_join(inner)}" if inner else "It takes no options"
    meant, group = suggest_options(typed, there) or get_close_matches(typed, near, 1), _group_of(ctx)
    said = [f"Did you mean {meant[0]!r}?"] if meant else []
    name = typed.removeprefix("--").replace("-", "_")
    having = [] if group is None or meant else [verb for verb, one in verbs(group).items() if _takes(one, name)]
    if having:
        said.append(f"{_join([f'{group} {verb}' for verb in having])} take{'s' if len(having) == 1 else ''} it.")
    elif typed in BEFORE:
        said.append("Write it before the command.")
    elif typed == "--node" and group is not None:
        said.append("This command is about the platform itself.")
    return " ".join([*said, f"Options: {_join(there)}"])


def describe_extra(ctx: Any, extra: Sequence[str]) -> str:
    """Return the error about extra arguments: what the command takes, its option for them, and commands that take them.

    Args:
        ctx: the context of the command.
        extra: the extra arguments.
    """
    takes = [one.metavar or one.name.upper() for one in ctx.command.params if one.param_type_name == "argument"]
    got = f"but {'also ' if takes else ''}got {_join([repr(one) for one in extra])}"
    said = f"{ctx.command_path.partition(' ')[2]} takes {f'only {_join(takes)}' if takes else 'no arguments'}, {got}."
    group, verb = _group_of(ctx), str(ctx.info_name)
    if takes and group is None and has_category(verb):  # `tree why x`
        first = next(one.name for one in ctx.command.params if one.param_type_name == "argument")
        return f"{said} {describe_verbs(verb, str(ctx.params.get(first)), list(verbs(verb)))}"
    if group is not None and takes:  # `supervisor restart front till`
        longer = [
            other
            for other, entry in verbs(group).items()
            if other.startswith(f"{verb}-")
            and sum(one["place"] == "path" for one in entry["parameters"]) == len(takes) + len(extra)
        ]
        return f"{said} Did you mean '{group} {longer[0]}'?" if longer else said
    if group is None:
        return said
    options = {one for each in ctx.command.params for one in each.opts}
    by = next((one for one in ("--process", "--search", "--text", "--supervisor", "--root") if one in options), None)
    count = len(extra)
    having = [
        f"{group} {other} {' '.join(one['name'].upper() for one in given)}"
        for other, entry in verbs(group).items()
        if other != verb
        and not entry["changes"]
        and len(given := [one for one in entry["parameters"] if one["place"] == "path"]) == count
    ]
    more = [f"Use {by} {extra[0]!r} to filter."] if by is not None else []
    if having:
        rest = len(having) - MOST_EXAMPLES
        shown = having if rest <= 0 else [*having[:MOST_EXAMPLES], f"{rest} more"]
        more.append(f"Commands with {'one argument' if count == 1 else f'{count} arguments'}: {_join(shown)}.")
    return " ".join([said, *more])


def _takes(entry: Entry, name: str) -> bool:
    """Return whether an operation has an option."""
    if name == "node":
        return bool(entry["on_node"])
    return any(one["name"] == name and one["place"] != "path" for one in entry["parameters"])


def _group_of(ctx: Any) -> str | None:
    group = None if ctx.parent is None else str(ctx.parent.info_name)
    return group if group is not None and has_category(group) else None


def _join(words: Iterable[str], last: str = "and") -> str:
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
