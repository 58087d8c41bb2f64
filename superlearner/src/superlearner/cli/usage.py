"""Usage lines in the notation of manuals: `PID` for a required argument, `[NAME]...` for optional ones."""

from __future__ import annotations

import re
from typing import Any, Final

import typer
from typer.core import TyperCommand

from superlearner.cli.suggestions import describe_extra

__all__ = ["UsualCommand", "write_usual_usage"]

BRACES: Final = str.maketrans("", "", "{}")
NEGATIVE: Final = re.compile(r"-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


class UsualCommand(TyperCommand):
    """A command that takes negative numbers as values, and whose required arguments are shown without braces."""

    def make_parser(self, ctx: Any) -> Any:
        """Return a parser of the arguments: no option is a number, and no option of the command is a value."""
        parser: Any = super().make_parser(ctx)
        process = parser._process_opts

        def process_word(word: str, state: Any) -> None:
            if NEGATIVE.fullmatch(word):
                state.largs.append(word)
            else:
                process(word, state)

        match_option = parser._match_long_opt

        def match(name: str, value: str | None, state: Any) -> None:
            option, after = parser._long_opt.get(name), state.rargs[0].partition("=")[0] if state.rargs else ""
            if value is None and option is not None and option.takes_value and after in parser._long_opt:
                ctx.fail(f"Option {name!r} requires an argument.")
            match_option(name, value, state)

        parser._process_opts, parser._match_long_opt = process_word, match
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return the arguments; fail with what the command takes if there are too many."""
        given, ctx.allow_extra_args = ctx.allow_extra_args, True
        extra = super().parse_args(ctx, args)
        ctx.allow_extra_args = given
        if extra and not given and not ctx.resilient_parsing:
            ctx.fail(describe_extra(ctx, extra))
        return extra

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.translate(BRACES) for piece in super().collect_usage_pieces(ctx)]


def write_usual_usage(commands: typer.Typer) -> None:
    """Give the commands registered so far usage lines in this notation."""
    for one in commands.registered_commands:
        one.cls = UsualCommand
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            write_usual_usage(group.typer_instance)
