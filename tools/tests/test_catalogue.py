"""The catalogue names existing operations and reasons; its page is up to date."""

from __future__ import annotations

from tools.catalogue import catalogue, page
from tools.catalogue_entries import ENTRIES
from tools.files import ROOT

from superlearner.operations.engine.registry import all_operations

PAGE = ROOT / "docs" / "arsenal.md"
NAMES = {operation.name for operation in all_operations()}


def test_every_entry_that_works_names_an_operation_that_exists() -> None:
    working = [entry for entry in catalogue(NAMES) if entry.state == "working"]
    assert working
    assert {entry.operation for entry in working} - NAMES == set()


def test_an_operation_that_does_not_exist_does_not_work() -> None:
    assert not [entry for entry in catalogue(frozenset()) if entry.state == "working"]


def test_entries_that_do_not_apply_have_a_reason() -> None:
    for entry in catalogue(NAMES):
        assert (entry.reason is not None) == (entry.state == "not applicable")
        assert entry.reason is None or len(entry.reason.split()) > 1, entry


def test_the_catalogue_is_complete_and_without_duplicates() -> None:
    for category, rows in ENTRIES.items():
        names = [row[0] for row in rows]
        assert len(set(names)) == len(names), category
    assert len(catalogue(NAMES)) == 300


def test_the_page_is_current() -> None:
    made = page(catalogue(NAMES))
    assert PAGE.read_text(encoding="utf-8") == made, (
        "docs/arsenal.md is not current; try: python -m tools.catalogue > docs/arsenal.md"
    )
