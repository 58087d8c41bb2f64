"""The themes and widths in which tests open a page."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import Any, Final

import pytest

__all__ = ["VARIANTS", "first_of", "in_turns"]

COMBINATIONS: Final = (("dark", 390), ("light", 1440), ("dark", 1440), ("light", 390))

VARIANTS: Final = (COMBINATIONS[0], *(pytest.param(*one, marks=pytest.mark.slow) for one in COMBINATIONS[1:]))
"""A dark phone, where most rules break first; only `make full` tests the other combinations."""


def in_turns(paths: Iterable[str], later: Iterable[str] = ()) -> list[Any]:
    """Return path, theme and width for ``parametrize``: dark phone and light laptop by turns.

    Only `make full` tests the other combinations, and the paths of ``later``.
    """
    turns = [*zip(paths, cycle(COMBINATIONS[:2]), strict=False), *((path, None) for path in later)]
    return [
        pytest.param(path, *one, marks=() if one == turn else pytest.mark.slow)
        for path, turn in turns
        for one in COMBINATIONS
    ]


def first_of(sets: Iterable[Any], count: int = 1) -> list[Any]:
    """Return sets of arguments for ``parametrize``; only `make full` tests those after the first ones."""
    return [
        pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=() if at < count else pytest.mark.slow)
        for at, one in enumerate(sets)
    ]
