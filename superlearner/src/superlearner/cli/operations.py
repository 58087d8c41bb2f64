"""A command for every operation: `superlearner process kill counter_1 --reason shutdown --dry-run --json`.

Path parameters are positional, in the order of the path; all others are options with the types, choices and help of the
operation. If only one of them is required, its option may be left out: `docs search restart`; so may those that the
declaration calls positional: `cluster cut n1 n2`. Commands are created lazily: a verb costs one command, not all of
them.
"""

from __future__ import annotations

import enum
import inspect
import json
import re
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from superlearner.base.commands import command
from superlearner.base.identifiers import identifier
from superlearner.base.terminal import print_line
from superlearner.cli import manifest
from superlearner.cli.asking import PlatformAnswer
from superlearner.cli.cluster_members import ask_members
from superlearner.cli.door import ask_or_fail, reach, resolve_options
from superlearner.cli.doors import NODES
from superlearner.cli.ends import fail
from superlearner.cli.manifest import Entry
from superlearner.cli.names import completion_of
from superlearner.cli.plain import plain, plain_lines
from superlearner.cli.showing import show
from superlearner.cli.suggestions import describe_verbs
from superlearner.cli.usage import UsualCommand
from superlearner.cli.values import value_of

__all__ = ["Commands", "Verbs", "WithOperations", "command_of", "group_of"]

IN_PATH: Final = re.compile(r"\{(\w+)\}")
TYPES: Final[dict[str, Any]] = {"text": str, "integer": int, "number": float, "flag": bool, "json": str, "any": str}
METAVARS: Final = {"json": "JSON", "any": "JSON", "path": "FILE", "python": "TEXT|@FILE", "lines": "TEXT|@FILE",
                   "unix-time": "TIME"}  # fmt: skip

Url = Annotated[str | None, typer.Option("--url", help="Address of the platform.", show_default=False)]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Data directory of the platform.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Write the data as JSON, as the API returns it.")]
Node = Annotated[
    str | None,
    typer.Option(
        "--node",
        help="Node or sandbox to query [default: your tree's node, else the only service, else the platform's].",
        autocompletion=NODES,
        show_default=False,
    ),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="FILE",
        help="Save the content in this file or folder; - is standard output [default: current folder].",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the effect without doing it.")]

SEE: Final = {"simulation": f" They fail parts of one node; `{command('cluster.simulate')}` simulates a whole cluster."}
"""Additions to the help of categories."""
TREES: Final = "cluster.trees"
"""The operation whose answer is drawn, except with `--json`."""
FROM_FILE: Final = "from_file"
"""A parameter with a program's source, which its own option takes as @FILE."""
BARE: Final = "bare_"
"""The beginning of the name of a value that was typed without its option."""
UNFILTERED: Final = frozenset({"page", "per_page", "sort", "measure_ms", "timeout_ms"})
"""Parameters of lists that leave nothing out."""
TO: Final = "to_file"
"""The file for the content of an answer."""
OUTPUT: Final = Path("-")
"""The value of `--to` that stands for standard output."""
OURS: Final = {"url": Url, "data_dir": DataDir, "as_json": Json}
"""Parameters of every command besides those of its operation."""


class Commands(MutableMapping[str, Any]):
    """The commands of a group by name, created on demand by `make`.

    Args:
        given: existing commands; they take precedence.
        names: the names of all commands that can be created.
        make: creates a command; returns None for an unknown name.
    """

    def __init__(
        self, given: dict[str, Any], names: Callable[[], list[str]], make: Callable[[str], Any | None]
    ) -> None:
        self._made = given
        self._names = names
        self._make = make

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            made = self._make(name)
            if made is None:
                raise KeyError(name)
            self._made[name] = made
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._made, *self._names()}))

    def __len__(self) -> int:
        return len({*self._made, *self._names()})


def group_of(category: str) -> TyperGroup | None:
    """Return the group of a category; None if it has no operations."""
    if not manifest.has_category(category):
        return None

    def make(verb: str) -> Any | None:
        entry = manifest.entry_of_verb(category, verb)
        return None if entry is None else command_of(entry)

    commands: Any = Commands({}, lambda: list(manifest.verbs(category)), make)
    return Verbs(
        name=category,
        commands=commands,
        help=f"Operations of the category {category}.{SEE.get(category, '')}",
        no_args_is_help=True,
        rich_markup_mode=None,
        subcommand_metavar="VERB [ARGS]...",
    )


class Verbs(TyperGroup):
    """A group that suggests the verb that was meant for an unknown one, by its meaning or its spelling."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of the first word; fail with a suggestion if there is none."""
        word = args[0]
        if word not in self.commands and not word.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(describe_verbs(str(self.name), word, list(self.commands)))
        return super().resolve_command(ctx, args)


class WithOperations(Verbs):
    """The commands of a group, followed by the operations of the category of its name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        operations: Any = group_of(str(self.name))
        if operations is not None:
            made = operations.commands
            self.commands: Any = Commands(dict(self.commands), lambda: list(made), made.get)


def command_of(entry: Entry) -> Any:
    """Return the command of an operation."""
    parameters = {one["name"]: one for one in entry["parameters"]}
    bare = {one["name"]: one for one in _without_option(entry)}
    program = None if "file" in parameters else _program(entry)

    def run(ctx: typer.Context, **given: Any) -> None:
        url, data_dir = resolve_options(ctx, given.pop("url"), given.pop("data_dir"))
        as_json, dry_run = given.pop("as_json"), given.pop("dry_run", False)
        if program is not None and (file := given.pop(FROM_FILE)) is not None:
            given[program] = _read_once(ctx, parameters[program], f"@{file}", given[program])
        for name, one in bare.items():
            given[identifier(name)] = _read_once(ctx, one, given.pop(BARE + name), given[identifier(name)])
        node, to = given.pop("node", None) if entry["on_node"] else None, given.pop(TO, None)
        typed = {name: given[identifier(name)] for name in parameters if given.get(identifier(name)) is not None}
        values = {name: value_of(parameters[name], value) for name, value in typed.items()}
        if entry["streams"]:
            from superlearner.cli.following import follow

            follow(reach(url, data_dir), entry, values, node=node, as_json=as_json)
        else:
            if not dry_run and (found := ask_members(entry["name"], values, url, data_dir)) is not None:
                show(PlatformAnswer(found), as_json=as_json, begin="superlearner")
                return
            if entry["name"] == TREES and not as_json:
                values.setdefault("format", "text")
            platform = reach(url, data_dir)
            answer = ask_or_fail(platform, entry, values, dry_run=dry_run, node=node)
            saves = to != OUTPUT and (to is not None or (entry.get("saves", False) and not as_json))
            if saves:
                answer = PlatformAnswer(_save(answer.data, to or Path()))
            if not as_json and not dry_run and _print_text(entry["name"], answer.data, platform.begin):
                return
            show(
                answer,
                as_json=as_json,
                short=() if dry_run or saves else entry.get("short", ()),
                begin=platform.begin,
                filters=_filters_of(parameters, typed),
            )

    shown = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    shown += [_argument(parameters[name]) for name in IN_PATH.findall(entry["path"])]
    shown += map(_bare, bare.values())
    shown += [_option(one, bare=one["name"] in bare) for one in entry["parameters"] if one["place"] != "path"]
    if program is not None:
        option = typer.Option("--file", metavar="FILE", help=f"Same as --{program} @FILE.", show_default=False)
        shown.append(_keyword(FROM_FILE, Annotated[Path | None, option], default=None))
    shown += [
        _keyword(name, annotation, default=False if name == "as_json" else None) for name, annotation in OURS.items()
    ]
    if entry["on_node"]:
        shown.append(_keyword("node", Node, default=None))
    if entry["changes"]:
        shown.append(_keyword("dry_run", DryRun, default=False))
    if entry.get("saves"):
        shown.append(_keyword(TO, To, default=None))
    setattr(run, "__signature__", inspect.Signature(shown))
    run.__annotations__ = {one.name: one.annotation for one in shown}
    words = f"{entry['summary']}.\n\n{entry['description']}"
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(manifest.verb_of(entry["name"]), help=words.strip(), cls=UsualCommand)(run)
    return get_command(app)


def _filters_of(parameters: dict[str, dict[str, Any]], typed: dict[str, Any]) -> str:
    """Return the options of a query that were typed, without those that select a page or an order."""
    words: list[str] = []
    for name, value in typed.items():
        if parameters[name]["place"] != "query" or name in UNFILTERED or isinstance(value, bool):
            continue
        given: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
        option = f"--{name.replace('_', '-')}"
        words += [f"{option} {plain(str(getattr(one, 'value', one))[:100])}" for one in given]
    return " ".join(words)


def _print_text(name: str, data: Any, begin: str) -> bool:
    """Print an answer that is a text, of the course or with trees; return whether it is one."""
    if name == TREES and (drawn := data.get("text")) is not None:
        print_line(plain_lines(drawn).rstrip("\n"))
        return True
    if not name.startswith("course."):
        return False
    from superlearner.cli.lessons import in_words

    text = in_words(name, data, begin)
    if text is not None:
        print_line(text)
    return text is not None


def _save(data: dict[str, Any], to: Path) -> dict[str, Any]:
    """Write the content of a file that the platform returned; return the rest, with the name that it got."""
    path = to / Path(data["filename"]).name if to.is_dir() else to
    try:
        path.write_text(data["content"], encoding="utf-8", newline="")
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror or error}")
    return {"saved": str(path), "size": data["size"]}


def _argument(one: dict[str, Any]) -> inspect.Parameter:
    argument = typer.Argument(
        help=one["help"], metavar=one["name"].upper(), autocompletion=completion_of(one), show_default=False
    )
    return _keyword(one["name"], Annotated[str, argument])


def _without_option(entry: Entry) -> list[dict[str, Any]]:
    """Return the parameters that may be typed without their option: those that are `positional`, or the only required.

    The path has none of them.
    """
    outside = {one["name"]: one for one in entry["parameters"] if one["place"] != "path"}
    if "positional" in entry:
        return [outside[name] for name in entry["positional"]]
    needed = [one for one in outside.values() if one["required"]]
    return needed if len(needed) == 1 and needed[0]["kind"] in ("text", "any", "choice", "integer") else []


def _program(entry: Entry) -> str | None:
    """Return the parameter that takes a program or a list of names, if there is one."""
    return next((one["name"] for one in entry["parameters"] if one.get("format") in ("python", "lines")), None)


def _bare(one: dict[str, Any]) -> inspect.Parameter:
    argument = typer.Argument(
        help=f"Same as --{one['name'].replace('_', '-')}.",
        metavar=one["name"].upper(),
        autocompletion=completion_of(one),
        show_default=False,
    )
    return _keyword(BARE + one["name"], Annotated[_type(one) | None, argument], default=None)


def _read_once(ctx: typer.Context, one: dict[str, Any], bare: Any, option: Any) -> Any:
    name = f"--{one['name'].replace('_', '-')}"
    bare, option = (None if given == [] else given for given in (bare, option))  # lists, of which none was typed
    if bare is not None and option is not None:
        raise typer.BadParameter(f"expected one value, got both {bare!r} and {name} {option!r}", ctx, param_hint=name)
    said = option if bare is None else bare
    if said is None and one["required"]:
        words = f"expected a value, here or after {name}, got none"
        raise typer.BadParameter(words, ctx, param_hint=one["name"].upper())
    return said


def _option(one: dict[str, Any], *, bare: bool) -> inspect.Parameter:
    kind = one["kind"]
    default = f" [default: {_text(one['default'])}]" if "default" in one else ""
    name = f"--{one['name'].replace('_', '-')}"
    option = typer.Option(
        f"{name}/--no-{name[2:]}" if kind == "flag" else name,
        help=f"{one['help']}{default}".strip(),
        min=one.get("min"),
        max=one.get("max"),
        metavar=METAVARS.get(one.get("format", kind)),
        autocompletion=completion_of(one),
        show_default=False,
    )
    type_ = _type(one)
    if one["required"] and not bare:
        return _keyword(identifier(one["name"]), Annotated[type_, option])
    return _keyword(identifier(one["name"]), Annotated[type_ | None, option], default=None)


def _type(one: dict[str, Any]) -> Any:
    if one["kind"] == "choice":
        return enum.Enum(one["name"], {text: text for text in one["choices"]})
    if one.get("format") == "path":
        return Path
    if one["kind"] == "list":
        return list.__class_getitem__(TYPES[one["of"]])
    return TYPES[one["kind"]]


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
