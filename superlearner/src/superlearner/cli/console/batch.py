"""Execution of code from `-c` or a pipe, as if typed, with an exit code."""

from __future__ import annotations

import ast
import builtins
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final

from otp.standard_streams import raise_broken_pipe
from superlearner.base.terminal import complain, print_line
from superlearner.cli.console.failures import SHORT, NoPlatform, traceback_of, words_of
from superlearner.cli.console.originals import explain
from superlearner.cli.console.values import render
from superlearner.cli.ends import FAILED, INTERRUPTED, NO_PLATFORM, USAGE
from superlearner.cli.showing import json_text

__all__ = ["FILE", "displayed", "run_text", "run_texts"]

FILE: Final = "<console>"


def run_texts(texts: Sequence[str], names: dict[str, Any], *, as_json: bool = False) -> int:
    """Run all texts, in order and with the same names; return the exit code of the first failure."""
    failed = 0
    raise_broken_pipe()
    for text in texts:
        code = run_text(text, names, as_json=as_json)
        failed = failed or code
        if code == INTERRUPTED:
            break
    return failed


def run_text(text: str, names: dict[str, Any], *, as_json: bool = False) -> int:
    """Run statements and show the values of expressions; return the exit code.

    The first error ends the run.
    """
    try:
        statements = ast.parse(text, FILE).body
    except (SyntaxError, ValueError):
        traceback.print_exc(limit=0)
        return USAGE
    before, sys.displayhook = sys.displayhook, displayed(as_json=as_json)
    try:
        for one in statements:
            exec(compile(ast.Interactive([one]), FILE, "single"), names)
    except SHORT as error:
        complain(words_of(error))
        return NO_PLATFORM if isinstance(error, NoPlatform) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader of standard output has left
    except Exception as error:
        explain(error)
        sys.stderr.write(traceback_of(error))
        return FAILED
    finally:
        sys.displayhook = before
    return 0


def displayed(*, as_json: bool = False) -> Callable[[object], None]:
    """Return a `sys.displayhook` that shows answers as tables, or as JSON."""

    def display(value: object) -> None:
        if value is None:
            return
        setattr(builtins, "_", value)
        if not as_json:
            print_line(render(value, terminal=sys.stdout.isatty()))
            return
        try:
            print_line(json_text(value))
        except TypeError:
            print_line(json_text(repr(value)))

    return display
