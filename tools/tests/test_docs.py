"""The documentation is correct: its programs run, and its links have targets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tools.files import ROOT, written_files

PAGES = sorted(path.as_posix() for path in written_files() if path.suffix == ".md")
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"""\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)="([^"]+)\"""")
_TEST = re.compile(r"`([\w/.-]+\.py)::(\w+)`")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


PROGRAMS = [page for page in PAGES if _BLOCK.search(text_of(page)) and "/lessons/" not in page]
"""Pages whose blocks are one program; the tests of a lesson run its cells."""


@pytest.mark.parametrize("page", PROGRAMS)
def test_the_programs_on_a_page_run(page: str, tmp_path: Path) -> None:
    program = "\n".join(_BLOCK.findall(text_of(page)))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    # a comment after a print gives the printed text
    promised = re.findall(r"print\(.*?\)\s+# (\S+?)(?::.*)?$", program, re.MULTILINE)
    printed = done.stdout.splitlines()
    assert [word for word in promised if word.isdecimal()] == [line for line in printed if line.isdecimal()]


def test_the_first_supervisor_runs_in_the_platform_too(tmp_path: Path) -> None:
    classes, main, _ = _BLOCK.findall(text_of("README.md"))[0].partition("async def main")
    assert main
    (tmp_path / "tally.py").write_text(classes, encoding="utf-8")
    program = (
        "import otp\n"
        "from superlearner.app.application import trees_of\n"
        "tree, = trees_of('tally.py:Tally')\n"
        "async def main():\n"
        "    await tree.start()\n"
        "    print(await otp.GenServer.call('counter', 'value'))\n"
        "otp.run(main)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ("0\n", "") == (done.stdout, done.stderr)


@pytest.mark.parametrize("page", PAGES)
def test_the_targets_of_links_exist(page: str) -> None:
    links = [found[1] or found[2] for found in _LINK.finditer(text_of(page))]
    pages = {f"/learn/{number}" for number in range(1, 21)}
    local = [
        link
        for link in links
        if "://" not in link and not link.startswith("mailto:") and link.partition("#")[0] not in pages
    ]
    assert [] == [link for link in local if not (ROOT / page).parent.joinpath(link).exists()]


@pytest.mark.parametrize("page", [page for page in PAGES if _TEST.search(text_of(page))])
def test_the_tests_named_on_pages_exist(page: str) -> None:
    named = _TEST.findall(text_of(page))
    sources = {file: (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).exists() else "" for file, _ in named}
    assert [] == [(file, test) for file, test in named if f"def {test}(" not in sources[file]]


def test_every_difference_has_a_test() -> None:
    rows = [line for line in text_of("docs/differences.md").splitlines() if line.startswith("| ")]
    assert [] == [row for row in rows if not _TEST.search(row) and not row.startswith(("| what", "| ---"))]


def test_every_threat_has_a_prevention_and_a_test() -> None:
    head, line, *rows = [line for line in text_of("docs/security.md").splitlines() if line.startswith("| ")]
    assert ("| asset | attacker | prevention | test |", "| --- | --- | --- | --- |") == (head, line)
    assert len(rows) > 30
    assert [] == [row for row in rows if row.count(" | ") != 3 or not _TEST.search(row.rpartition(" | ")[2])]


def test_every_decision_is_in_the_list_of_decisions() -> None:
    pages = {Path(page).name for page in PAGES if page.startswith("docs/decisions/0")}
    assert set() == pages - {link for link, _ in _LINK.findall(text_of("docs/decisions/README.md"))}


def test_the_first_page_links_the_list_of_contents_which_links_every_page() -> None:
    pages = {page for page in PAGES if re.fullmatch(r"docs/(behaviours/)?[\w-]+\.md", page)} - {"docs/README.md"}
    listed = {f"docs/{link.partition('#')[0]}" for link, _ in _LINK.findall(text_of("docs/README.md"))}
    assert set() == pages - listed
    assert "(docs/README.md)" in text_of("README.md")


def test_every_direct_dependency_has_a_row_with_a_reason() -> None:
    named = text_of("docs/dependencies.md")
    wanted = [line for lock in ("runtime", "dev") for line in text_of(f"requirements/{lock}.in").splitlines()]
    packages = {line.partition("[")[0] for line in wanted if line and not line.startswith(("#", "-"))}
    assert set() == {
        package for package in packages if not re.search(rf"^\| .*\b{package}\b.* \|", named, re.MULTILINE)
    }


def test_the_lock_has_the_requirements_of_the_platform() -> None:
    asked = re.findall(r'^    "([\w-]+)>=', text_of("superlearner/pyproject.toml"), re.MULTILINE)
    locked = re.findall(r"^([\w-]+)==", text_of("requirements/runtime.txt"), re.MULTILINE)
    assert asked
    assert set() == set(asked) - set(locked)
