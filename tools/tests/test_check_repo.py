"""The check of the repository's content can fail, for each of its rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.check_repo import MAX_BYTES, MAX_COLUMNS, MAX_LINES, problems_in, problems_of
from tools.files import written_files


def folder(*parts: str) -> str:
    return "/" + "/".join(parts)  # in pieces, so that this file passes the check it tests


@pytest.mark.parametrize(
    "path",
    [
        folder("root", "project"),
        folder("home", "ada", "project"),
        folder("Users", "ada"),
        folder("tmp", "x"),
        folder("usr", "bin", "chromium"),
        "C:" + "\\Users\\ada",
    ],
)
def test_a_path_of_one_machine_is_refused(path: str) -> None:
    assert 1 == len(list(problems_of("docs/a.md", f"open `{path}` first")))
    assert 1 == len(list(problems_of("docs/a.md", f'PATH = "{path}"')))


@pytest.mark.parametrize(
    "text", ["~/.local/share", "$HOME/home/x", "GET /work", "otp/tests/home/x", "href='/docs/start'", "a/tmp/b"]
)
def test_other_paths_are_fine(text: str) -> None:
    assert [] == list(problems_of("docs/a.md", text))


def test_the_first_line_of_a_script_may_name_its_interpreter() -> None:
    assert [] == list(problems_of("tools/a.sh", f"#!{folder('usr', 'bin', 'env')} bash\n"))
    assert 1 == len(list(problems_of("tools/a.sh", f"\n#!{folder('usr', 'bin', 'env')} bash\n")))


def test_the_address_of_a_registry_is_refused() -> None:
    assert 1 == len(list(problems_of("README.md", "see " + "pypi" + ".org/project/otp")))
    assert 1 == len(list(problems_of("a.js", "registry." + "npmjs" + ".org")))


def test_an_address_in_a_lock_is_refused() -> None:
    assert 1 == len(list(problems_of("requirements/runtime.txt", "--index-url https://mirror.example/simple")))
    assert 1 == len(list(problems_of("requirements/runtime.txt", "otp @ file:///otp")))


def test_a_source_of_too_many_lines_is_refused_and_data_is_not() -> None:
    text = "x = 1\n" * (MAX_LINES + 1)
    assert 1 == len(list(problems_of("otp/src/otp/x.py", text)))
    assert [] == list(problems_of("otp/src/otp/x.json", text))
    assert [] == list(problems_of("otp/tests/test_x.py", text))


def test_a_long_line_of_javascript_is_refused_unless_there_is_no_space_to_break_it_at() -> None:
    long = "say(" + "a, " * MAX_COLUMNS + ");\n"
    assert 1 == len(list(problems_of("superlearner/tests/web/js/x.test.js", long)))
    assert [] == list(problems_of("x.js", f'const PATH = "{"M" * MAX_COLUMNS}";\n'))
    assert [] == list(problems_of("superlearner/src/superlearner/web/static/vendor/x.js", long))
    assert [] == list(problems_of("x.css", long))


def test_merge_conflict_markers_are_refused() -> None:
    assert 1 == len(list(problems_of("a.py", "<" * 7 + " HEAD\n")))


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(b"\0" * (MAX_BYTES + 1))
    assert 1 == len(list(problems_in(tmp_path)))


def test_without_git_generated_and_hidden_folders_are_skipped(tmp_path: Path) -> None:
    for name in ("src/a.py", "build/b.py", ".venv/c.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    assert [Path("src/a.py")] == list(written_files(tmp_path))


def test_a_comment_of_the_kernel_that_names_a_test_that_is_gone_is_refused(tmp_path: Path) -> None:
    for name, text in {
        "otp/src/otp/kernel/a.py": "# see test_that_is_gone and test_that_exists\n",
        "otp/tests/test_a.py": "def test_that_exists() -> None: ...\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    (problem,) = problems_in(tmp_path)
    assert problem.startswith("otp/src/otp/kernel/a.py: there is no test_that_is_gone")


def test_a_page_missing_from_the_list_of_contents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docs" / "decisions").mkdir(parents=True)
    for name in ("README.md", "a.md", "b.md", "decisions/0001.md"):
        (tmp_path / "docs" / name).write_text("# Page\n\n- [A](a.md)\n")
    assert ["docs/b.md"] == [problem.partition(":")[0] for problem in problems_in(tmp_path)]
