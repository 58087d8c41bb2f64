"""The wording check can fail: each rule has a text that breaks it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tools import check_language
from tools.check_language import (
    EXCEPTIONS,
    FORMS,
    LONG_SUBJECTS,
    MAX_SUBJECT,
    NAMES,
    PARAMETERS,
    is_checked,
    long_subjects,
    problems_of,
    subjects_in,
    wrong_names,
)
from tools.files import ROOT, written_files

PHRASES = (
    "nobody waits",
    "made anew",
    "in truth it took long",
    "it is believed",
    "the log is told",
    "who heard of it",
    "look into a service",
    "look what is missing",
    "nothing is tied to it",
    "this is our bug",
    "not like this",
    "say a thing",
    "whoever asks",
)


def lines_of(file: str, content: str) -> list[int]:
    return [int(problem.split(":")[1]) for problem in problems_of(file, content)]


@pytest.mark.parametrize("phrase", PHRASES)
def test_each_form_is_refused_in_docs_docstrings_and_strings(phrase: str) -> None:
    assert [3] == lines_of("docs/a.md", f"# A\n\n{phrase.capitalize()}.\n")
    assert [1] == lines_of("a.py", f'"""A text: {phrase}."""\n')
    assert [2] == lines_of("a.py", f"x = 1\ny = f'{{x}}: {phrase}'\n")
    assert [2] == lines_of("a.js", f"// {phrase}\nconst a = `${{x}}: {phrase}`;\n")


def test_each_form_has_a_phrase_above() -> None:
    assert len(FORMS) == len(PHRASES)


def test_a_phrase_is_found_across_lines() -> None:
    assert [2] == lines_of("docs/a.md", "a\nwe look\ninto it\n")
    assert [3] == lines_of("a.py", '"""A text.\n\nThis is in\ntruth long."""\n')


@pytest.mark.parametrize("opener", ["Who", "What", "Whether", "Which", "Where", "How", "Why", "One", "Whose"])
def test_a_docstring_does_not_begin_with_a_relative_clause(opener: str) -> None:
    assert [2] == lines_of("a.py", f'def f():\n    """{opener} has ended."""\n')
    assert [2] == lines_of("a.py", f'X = 1\n"""{opener} has ended."""\n')
    assert [] == lines_of("a.py", f'x = "{opener} has ended"\n')
    assert [] == lines_of("docs/a.md", f"{opener} has ended?\n")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("docs/a.md", "`nobody` and ``anew`` are names\n\n```sh\nlook into it\n```\n\n[text](#nobody)\n"),
        ("docs/a.md", "1. a\n\n   ```sh\n   nobody\n   ```\n"),
        ("a.py", 'told = "told"\nuser = f(heard)["nobody"]\n'),
        ("a.py", '"""Return the user `nobody`.\n\n    >>> anew()\n    ... # told\n"""\n'),
        ("a.py", "x = 1  # nobody reads it\n"),
        ("a.py", '"""Once upon a time: Oneself."""\n'),
        ("a.js", '// nobody\n/* it is\ntold */ f("told", x.heard)\n'),
        ("a.css", "/* nobody */"),
        ("docs/a.md", "Untold, reheard, outlook intox\n"),
    ],
)
def test_code_and_other_words_are_fine(file: str, content: str) -> None:
    assert [] == lines_of(file, content)


def test_the_hint_is_part_of_the_line() -> None:
    (problem,) = problems_of("docs/a.md", "Nobody\n")
    assert problem.startswith("docs/a.md:1: «Nobody»; try: name the subject")


def names_in(content: str, file: str = "superlearner/src/a.py") -> list[str]:
    """Return the refused names, each with its line."""
    return [problem.partition("; ")[0].removeprefix(f"{file}:") for problem in wrong_names(file, content)]


@pytest.mark.parametrize("word", NAMES)
def test_functions_classes_and_methods_are_not_named_with_these_words(word: str) -> None:
    name = word.capitalize()
    assert [f"1: «_{word}_it»"] == names_in(f"async def _{word}_it(): ...\n")
    assert [f"1: «A{name}»", f"2: «A{name}.{word}»"] == names_in(f"class A{name}:\n    def {word}(self): ...\n")
    assert [f"2: «{word}»"] == names_in(f"def f():\n    def {word}(): ...\n", "otp/tests/test_a.py")


def test_parameters_are_not_named_with_some_of_them_except_in_test_modules() -> None:
    assert set(NAMES) > PARAMETERS
    content = "def f(told, *, kept): ...\ng = lambda heard: heard\n"
    assert ["1: «told»", "2: «heard»"] == names_in(content)
    assert [] == names_in(content, "superlearner/tests/test_a.py")


def test_other_names_are_fine() -> None:
    content = (
        "def untold(): ...\nclass Shear: ...\ndef test_what_was_told_is_kept(): ...\ntold = f(x.heard, kept=said)\n"
    )
    assert [] == names_in(content)
    for name in EXCEPTIONS:
        cls, _, method = name.rpartition(".")
        assert [] == names_in(f"class {cls}:\n    def {method}(self): ...\n" if cls else f"class {name}: ...\n")


def test_each_exception_is_a_name_that_exists() -> None:
    defined = "\n".join((ROOT / path).read_text(encoding="utf-8") for path in written_files() if path.suffix == ".py")
    words = set(re.findall(r"(?:def|class) (\w+)", defined))
    assert [] == [name for name in EXCEPTIONS if not {*name.split(".")} <= words]


def test_a_long_subject_is_refused_except_for_listed_commits() -> None:
    fits, long = "x" * MAX_SUBJECT, "x" * (MAX_SUBJECT + 1)
    exception = next(iter(LONG_SUBJECTS))
    assert [f"bbbbbbbbb: subject of 73 characters, expected at most 72: {long}"] == list(
        long_subjects(f"{'a' * 40} {fits}\n{'b' * 40} {long}\n{exception} {long}\n")
    )


def test_the_tuples_of_the_tool_select_the_checked_files() -> None:
    assert is_checked(Path("tools/tests/test_x.py"))
    assert is_checked(Path("otp/README.md"))
    assert not is_checked(Path("otp/tests/test_x.py"))
    assert not is_checked(Path("tools/check_language.py"))


def git(folder: Path, *args: str) -> str:
    person = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *person, *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path, *subjects: str) -> Path:
    folder.mkdir()
    git(folder, "init", "-q")
    for subject in subjects:
        git(folder, "commit", "-q", "--allow-empty", "-m", subject)
    return folder


def test_subjects_are_checked_after_the_first_commit_of_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = repository(tmp_path / "a", "old", "first", "new")
    monkeypatch.setattr(check_language, "SUBJECTS_SINCE", git(checkout, "rev-parse", "HEAD~1"))
    subjects, remark = subjects_in(checkout)
    assert (["new"], "") == ([line.partition(" ")[2] for line in subjects.splitlines()], remark)


def test_a_shallow_clone_is_checked_in_part_with_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = repository(tmp_path / "a", "first", "b", "c")
    monkeypatch.setattr(check_language, "SUBJECTS_SINCE", git(checkout, "rev-parse", "HEAD~2"))
    git(tmp_path, "clone", "-q", "--depth", "1", checkout.as_uri(), "shallow")
    subjects, remark = subjects_in(tmp_path / "shallow")
    assert ["c"] == [line.partition(" ")[2] for line in subjects.splitlines()]
    assert "shallow clone" in remark


def test_without_git_or_in_another_history_subjects_are_skipped_with_a_remark(tmp_path: Path) -> None:
    assert ("", "commit subjects not checked: not a git checkout") == subjects_in(tmp_path)
    subjects, remark = subjects_in(repository(tmp_path / "a", "x" * 100))
    assert "" == subjects
    assert "does not contain" in remark
