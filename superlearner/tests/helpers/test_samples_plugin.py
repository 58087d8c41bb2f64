"""The samples of `make test`, and the files of `make test-programs`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from samples_plugin import pytest_collection_modifyitems as mark_samples


def item(path: Path, *, program: bool = True) -> Any:
    marked: list[str] = []
    return SimpleNamespace(
        path=path, marked=marked, get_closest_marker=lambda _: program or None, add_marker=marked.append
    )


def test_the_first_program_test_of_a_file_is_its_sample(tmp_path: Path) -> None:
    file = tmp_path / "test_one.py"
    file.write_text("pytestmark = pytest.mark.program\n")
    items = [item(file, program=False), item(file), item(file)]
    mark_samples(items)
    assert [[], ["sample"], []] == [one.marked for one in items]


def test_a_file_that_make_test_programs_would_not_find_is_refused(tmp_path: Path) -> None:
    """The target collects the files with the text of the mark: to import all others took most of a collection."""
    file = tmp_path / "test_one.py"
    file.write_text("from shared_marks import pytestmark\n")
    with pytest.raises(pytest.UsageError, match=r"test_one\.py"):
        mark_samples([item(file)])
