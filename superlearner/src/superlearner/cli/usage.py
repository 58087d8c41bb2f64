"""Usage lines in the notation of manuals: `PID` for a required argument, `[NAME]...` for optional ones."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperCommand

__all__ = ["UsualCommand", "write_usual_usage"]

BRACES: Final = str.maketrans("", "", "{}")


class UsualCommand(TyperCommand):
    """A command without the braces that the option parser puts around required arguments."""

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
