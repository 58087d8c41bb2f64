"""The kept output of a sandbox: the newest part, from the beginning of a line, without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from otp.peer.output import KEPT
from superlearner.sandbox.sandboxes import RecentOutput, Sandboxes

LINE = "counter is 1\n"


class Printed:
    """A program that has printed a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def output(self) -> tuple[str, int]:
        return self.text[-KEPT:], len(self.text)


def output_of(*printed: str) -> RecentOutput:
    """Return the output of a sandbox whose programs printed these texts, one after the other."""
    none: Any = None
    sandboxes = Sandboxes(none)
    for text in printed:
        program: Any = Printed(text)
        sandboxes.programs["a"] = program
        sandboxes.ended("a")
    return sandboxes.output("a")


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        (("loaded\n", "loaded\n"), RecentOutput("loaded\nloaded\n", 14)),
        (("token=abcdefghij\n",), RecentOutput("token=***\n", 17)),  # shorter, but nothing is missing
        (("password=" + "x" * KEPT + "\n" + LINE,), RecentOutput(LINE, KEPT + 23, True)),
        (("password=" + "x" * KEPT,), RecentOutput("", KEPT + 9, True)),
        (("first\n", "x" * KEPT + "\n" + LINE), RecentOutput(LINE, KEPT + 20, True)),
        ((LINE, "y" * KEPT + "\n", LINE), RecentOutput(LINE, KEPT + 27, True)),
    ],
)
def test_the_newest_output_is_kept(printed: tuple[str, ...], kept: RecentOutput) -> None:
    """Regression: a redacted output was called cut, and a cut one could begin inside a secret."""
    assert kept == output_of(*printed)
