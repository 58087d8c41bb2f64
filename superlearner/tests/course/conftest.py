"""Checks in the process of the tests, which has all modules of the platform and not only those of a child."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace

import pytest

from superlearner.course.engine import child, integrity
from superlearner.course.engine.checking import PRELOAD
from superlearner.course.engine.integrity import Integrity

MODULES_OF_A_CHILD = f"import json, sys, {', '.join(PRELOAD)}; print(json.dumps([*sys.modules]))"


class ModulesOfAChild:
    """The modules of this process that a child has as well: an answer finds no others, which are twice as many."""

    def __init__(self) -> None:
        answer = subprocess.run([sys.executable, "-c", MODULES_OF_A_CHILD], check=True, capture_output=True)
        self._names: list[str] = json.loads(answer.stdout)

    def items(self) -> list[tuple[str, object]]:
        return [(name, sys.modules[name]) for name in self._names if name in sys.modules]


@pytest.fixture(scope="session", autouse=True)
def share_work() -> Iterator[None]:
    """Let all checks use one list of the names that answers must not change, and compile the same source once."""
    names = Integrity()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "Integrity", lambda: names)
        patch.setattr(integrity, "sys", SimpleNamespace(modules=ModulesOfAChild()))
        patch.setattr(child, "compile", lru_cache(compile), raising=False)
        yield
