"""Docstrings that Python removed."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from superlearner.base.docstrings import docstring_of
from superlearner.cli.entry import app
from superlearner.operations.engine.registry import all_operations


def callbacks(commands: typer.Typer) -> dict[str, object]:
    """Return the functions of all commands."""
    found = {f"{one.callback.__module__}.{one.callback.__name__}": one.callback for one in commands.registered_commands}
    for group in commands.registered_groups:
        found |= callbacks(group.typer_instance)
    return found


def test_commands_and_operations_have_their_words_without_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = {**callbacks(app), **{one.name: one.function for one in all_operations()}}
    written = {name: docstring_of(function) for name, function in functions.items()}
    for function in functions.values():
        monkeypatch.setattr(function, "__doc__", None)
    assert written == {name: docstring_of(function) for name, function in functions.items()}
    assert None not in written.values()


def test_the_help_of_a_command_is_the_same_in_an_optimized_program() -> None:
    program = "import sys; from superlearner.cli import main; sys.argv[1:] = ['doctor', '--help']; main()"
    plain, optimized = (
        subprocess.run([sys.executable, *flags, "-c", program], capture_output=True, check=True).stdout
        for flags in ([], ["-OO"])
    )
    assert plain == optimized
