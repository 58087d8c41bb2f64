"""`make test` drives at least one test of each page in a browser; `make test-browser` drives all of them."""

from __future__ import annotations

import ast
from pathlib import Path

from superlearner.web.pages import PAGES
from whole_run import QUICK

FOLDER = Path(__file__).parent / "browser"
MAKEFILE = Path(__file__).parents[3] / "Makefile"


def marked() -> list[str]:
    """Return the pages that tests in the browser are marked with."""
    found: list[str] = []
    for file in sorted(FOLDER.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="page"), args=[ast.Constant(value=str(page))]):
                    found.append(page)
                case _:
                    pass
    return found


def test_each_page_has_one_test_in_make_test() -> None:
    assert sorted(marked()) == sorted(page.href for page in PAGES)


def test_the_makefile_runs_what_counts_as_a_whole_run() -> None:
    assert f"QUICK := {QUICK}\n" in MAKEFILE.read_text(encoding="utf-8")
