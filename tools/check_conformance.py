"""Check docs/conformance.md: its tests exist, cases are unique, counts right.

``otp/tests/shared/conformance_plugin.py`` checks that those tests run and pass.

    python -m tools.check_conformance
    python -m tools.check_conformance --write    update the counts
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.conformance_page import PAGE, Case, cases_of, is_test, text_of, with_counts
from tools.files import ROOT

LEAST_HELD = 500
"""Minimum number of cases held by tests; it only increases."""


def problems_of(text: str, root: Path = ROOT, least: int = LEAST_HELD) -> Iterator[str]:
    """Return the problems of the page as lines; tests are searched under ``root``."""
    cases = cases_of(text)
    seen: dict[tuple[str, str], Case] = {}
    functions: dict[str, set[str]] = {}
    for case in cases:
        first = seen.setdefault((case.suite, case.name), case)
        if first is not case:
            yield f"{case}: stands in line {first.line} already; say it once"
        if not case.text:
            yield f"{case}: expected a few words on {'what it holds' if case.held else 'why nothing holds it'}"
        if case.held and not case.tests:
            yield f"{case}: names no test; name one, or list the case among those that are not held"
        for test in case.tests:
            if not is_test(test):
                yield f"{case}: `{test}` is not the id of a test; try `otp/tests/….py::test_…`"
                continue
            file, _, name = test.partition("[")[0].partition("::")
            if file not in functions:
                functions[file] = _functions_of(root / file)
            if name not in functions[file]:
                yield f"{case}: there is no `{test}`"
    held = sum(case.held for case in cases)
    if held < least:
        yield f"{PAGE}: {held} cases are held, expected at least {least}"
    if with_counts(text) != text:
        yield f"{PAGE}: the counts are not those of its lines; run python -m tools.check_conformance --write"


def _functions_of(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    module = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


if __name__ == "__main__":
    page = text_of()
    if "--write" in sys.argv[1:]:
        page = with_counts(page)
        (ROOT / PAGE).write_text(page, encoding="utf-8")
    problems = list(problems_of(page))
    held = sum(case.held for case in cases_of(page))
    print("\n".join(problems) or f"check_conformance: {held} cases, each with a test")
    sys.exit(bool(problems))
