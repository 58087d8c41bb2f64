"""Recognise a pytest run of a whole folder; a partial one (a file, ``-k``, a stop by ``-x``) proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["QUICK", "is_whole"]

_NARROWED = ("keyword", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "collectonly")
QUICK = "not slow and not repeated and (not browser or page) and (not program or sample)"
"""The marker expression of `make test`."""

_WHOLE = ("", "not slow", QUICK)


def is_whole(session: pytest.Session, folder: str) -> bool:
    """Return whether the session ran all tests below ``folder``, a path from the root; other targets run the rest."""
    config = session.config
    if session.shouldstop or session.shouldfail:
        return False
    if any(config.getoption(name, None) for name in _NARROWED):
        return False
    if config.getoption("markexpr", "") not in _WHOLE:
        return False
    tests = config.rootpath / folder
    chosen = [Path(config.invocation_params.dir, argument).resolve() for argument in config.args]
    return tests.is_dir() and any(tests.is_relative_to(path) for path in chosen)
