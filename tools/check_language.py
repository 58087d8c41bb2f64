"""Check the wording of docs, strings and names, and the length of commit subjects.

`FORMS` lists the refused words, each with a hint; `FOLDERS` the places that are checked. In Python files the docstrings
and string constants are read, in JavaScript the string literals, in Markdown the text. Code is not: code blocks, inline
code, link targets, and strings without a space. `NAMES` lists the words that no function or class of a Python file is
named with, `PARAMETERS` those that no parameter is, except in test modules, whose parameters are those of a table.

    python -m tools.check_language
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.files import ROOT, written_files

FOLDERS: Final = (
    "docs",
    "tools",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "otp/README.md",
    "superlearner/README.md",
    "examples",
    "otp/src",
    "superlearner/src",
    "superlearner/tests/access",
    "superlearner/tests/app",
    "superlearner/tests/backend",
    "superlearner/tests/base",
    "superlearner/tests/cli",
    "superlearner/tests/conftest.py",
    "superlearner/tests/contract",
    "superlearner/tests/control",
    "superlearner/tests/demo",
    "superlearner/tests/helpers",
    "superlearner/tests/live",
    "superlearner/tests/nodes",
    "superlearner/tests/observing",
    "superlearner/tests/sandbox",
    "superlearner/tests/settings",
    "superlearner/tests/shared",
    "superlearner/tests/store",
    "superlearner/tests/teaching",
)
"""Files and folders that are checked."""

EXEMPT: Final = (
    "docs/conformance.md",
    "superlearner/src/superlearner/web/static",
    "tools/check_language.py",
    "tools/tests/test_check_language.py",
)
"""Places in `FOLDERS` that quote other test suites, list the refused words, or hold the copy of the pages."""


@dataclass(frozen=True, slots=True)
class Form:
    """A refused word or phrase; `\\s` stands for white space, line ends included."""

    pattern: str
    hint: str


FORMS: Final = (
    Form(r"nobody", "name the subject, or use the passive: no process …, without a reader"),
    Form(r"anew", "use a verb with re- (recreate, rebuild), or again"),
    Form(r"in\struth", "actually, or leave it out"),
    Form(r"believed", "trusted, validated, accepted"),
    Form(r"told", "notified, shown, logged; or make the reader the subject: receives"),
    Form(r"heard", "received"),
    Form(r"look(s|ed|ing)?\sinto", "inspect, attach to, observe"),
    Form(r"look\swhat", "check, find out"),
    Form(r"tied\sto", "linked to, monitored by; nothing tied to it -> it has no links"),
    Form(r"our\sbug", "a bug in SuperLearner"),
    Form(r"not\slike\sthis", "name the error: method not allowed, not supported"),
    Form(r"sa(y|ys|id|ying)\sa\sthing", "name the message, the signal or the value"),
    Form(r"whoever", "any process that …, every client that …"),
)
"""Refused in every text, in upper and lower case."""

OPENERS: Final = Form(
    r"(Who|Whom|Whose|Whoever|What|Whatever|Whether|Which|Where|How|Why|One)",
    "begin a function's docstring with a verb (Return …, Start …), that of a class or an attribute with a noun",
)
"""Refused as the first word of a docstring."""

NAMES: Final = {
    "anew": "again, or one verb: recreate, restart",
    "burial": "the noun of the field: death, release",
    "bury": "release, remove",
    "caretaker": "the noun of the field: restart backoff",
    "diary": "history, log",
    "folk": "processes, nodes, members",
    "hear": "receive, read, fetch",
    "heard": "receive, read; a class: the noun of what arrived",
    "kept": "keep, store, find; a class: what it is kept for (backoff, pool, backup)",
    "nobody": "no and the noun: no_owner, no_parent",
    "said": "log, print, describe",
    "somebody": "a process, a reader",
    "taping": "recording",
    "told": "report, notify, describe",
    "wound": "chunk, part",
}
"""Words that names of functions and classes do not contain, each with what to write."""

PARAMETERS: Final = frozenset({"anew", "diary", "folk", "heard", "nobody", "somebody", "taping", "told"})
"""Those of `NAMES` that parameters do not contain either, outside of test modules."""

EXCEPTIONS: Final = {
    "Observer.told": "promised",
    "Membership.told": "implements `Observer`",
    "Distribution.told": "promised",
    "Distribution.told_ref": "promised",
    "RemoteNode.told": "promised",
    "RemoteNode.told_ref": "promised",
    "_Everyone.told": "the protocol of `RemoteNode`",
    "Names.told": "the protocol of `RemoteNode`",
    "Names.told_ref": "the protocol of `RemoteNode`",
    "VirtualLoop.somebody_waits_for_idle": "promised",
    "Hear": "its name is the tag on the wire",
    "Heard": "its name is the tag on the wire",
    "Wound": "its name is the tag on the wire",
    "Caretaker": "pages show the class of a process",
    "start_kept": "pages show the start function of a child",
    "events_kept": "named after a setting",
    "log_kept": "named after a setting",
}
"""Qualified names that stay, each with the reason."""

MAX_SUBJECT: Final = 72
SUBJECTS_SINCE: Final = "c43387a2d2af0026c70e33ec34fe4dce48e03e98"
LONG_SUBJECTS: Final = {"a8a1051146266171e530d2c58e1afd40b4d432b7"}
"""Commits with a longer subject, made before this check."""

_FORMS: Final = [(re.compile(rf"\b(?:{form.pattern})\b", re.IGNORECASE), form.hint) for form in FORMS]
_OPENERS: Final = re.compile(rf"\s*{OPENERS.pattern}\b")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_FENCE: Final = re.compile(r"^([ ]*)(```|~~~).*?^[ ]*\2[ ]*$", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"``[^`]+``|`[^`\n]+`|\]\([^)\s]*\)|<[^>]+>|^\s*(?:>>>|\.\.\.).*$", re.MULTILINE)
_SCRIPT: Final = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of prose, with the line of its beginning."""

    line: int
    text: str
    docstring: bool = False


def texts_of(file: str, content: str) -> Iterator[Text]:
    """Yield the prose of a file, by its file extension."""
    if file.endswith(".md"):
        yield Text(1, _FENCE.sub(_blank, content))
    elif file.endswith(".py"):
        yield from _python(content)
    elif file.endswith(".js"):
        for found in _SCRIPT.finditer(content):
            if not found["comment"] and " " in found[0]:
                yield Text(content.count("\n", 0, found.start()) + 1, found[0][1:-1])


def problems_of(file: str, content: str) -> Iterator[str]:
    """Yield a line for each refused form in a file of the repository."""
    for piece in texts_of(file, content):
        if piece.docstring and (opener := _OPENERS.match(piece.text)):
            yield f"{file}:{piece.line}: docstring begins with «{opener[1]}»; {OPENERS.hint}"
        prose = _CODE.sub(_blank, piece.text)
        for pattern, hint in _FORMS:
            for found in pattern.finditer(prose):
                line = piece.line + prose.count("\n", 0, found.start())
                yield f"{file}:{line}: «{' '.join(found[0].split())}»; try: {hint}"


def wrong_names(file: str, content: str) -> Iterator[str]:
    """Yield a line for each refused name of a function, a class or a parameter in a Python file."""
    is_test = Path(file).name.startswith("test_")
    for line, name, is_parameter in _definitions(ast.parse(content), ""):
        short = name.rpartition(".")[2]
        if short.startswith("test_"):
            continue
        for word in sorted({found[0].lower() for found in _WORD.finditer(short)} & NAMES.keys()):
            if name not in EXCEPTIONS and not (is_parameter and (is_test or word not in PARAMETERS)):
                yield f"{file}:{line}: «{name}»; try: {NAMES[word]}"


def _definitions(node: ast.AST, inside: str) -> Iterator[tuple[int, str, bool]]:
    """Yield line and name of each definition, that of a method with its class, and whether it is a parameter."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef():
                yield child.lineno, child.name, False
                yield from _definitions(child, f"{child.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield child.lineno, f"{inside}{child.name}", False
                yield from _definitions(child, "")
            case ast.arg():
                yield child.lineno, child.arg, True
            case _:
                yield from _definitions(child, inside)


def long_subjects(log: str) -> Iterator[str]:
    """Yield a line for each commit, as hash and subject, with a long subject."""
    for line in log.splitlines():
        commit, _, subject = line.partition(" ")
        if len(subject) > MAX_SUBJECT and commit not in LONG_SUBJECTS:
            yield f"{commit[:9]}: subject of {len(subject)} characters, expected at most {MAX_SUBJECT}: {subject}"


def subjects_in(root: Path) -> tuple[str, str]:
    """Return commits as lines of hash and subject, and a remark if some are missing."""
    if _git(root, "rev-parse", "--show-prefix") != "":
        return "", "commit subjects not checked: not a git checkout"
    commits, remark = f"{SUBJECTS_SINCE}..HEAD", ""
    if _git(root, "cat-file", "-e", f"{SUBJECTS_SINCE}^{{commit}}") is None:
        if _git(root, "rev-parse", "--is-shallow-repository") != "true":
            return "", f"commit subjects not checked: this history does not contain {SUBJECTS_SINCE[:9]}"
        commits, remark = "HEAD", "only the commits of this shallow clone were checked for long subjects"
    return _git(root, "log", "--no-merges", "--format=%H %s", commits) or "", remark


def is_checked(path: Path) -> bool:
    """Return whether the tuples above include this file."""
    places = {path.as_posix(), *(parent.as_posix() for parent in path.parents)}
    return not places.isdisjoint(FOLDERS) and places.isdisjoint(EXEMPT)


def problems_in(root: Path) -> Iterator[str]:
    """Yield a line for each refused form or name in the files of the repository at `root`."""
    for path in written_files(root):
        if path.suffix in {".md", ".py", ".js"} and is_checked(path):
            yield from problems_of(path.as_posix(), (root / path).read_text(encoding="utf-8"))
        if path.suffix == ".py":
            yield from wrong_names(path.as_posix(), (root / path).read_text(encoding="utf-8"))


def _python(content: str) -> Iterator[Text]:
    tree = ast.parse(content)
    docstrings: set[ast.expr] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text)) as constant):
                docstrings.add(constant)
                yield Text(node.lineno, text, docstring=True)
            case ast.Constant(value=str(text)) if node not in docstrings and " " in text.strip():
                yield Text(node.lineno, text)
            case _:
                pass


def _blank(found: re.Match[str]) -> str:
    """Replace code by a comma, so that the words around it form no phrase."""
    return "," + "\n" * found[0].count("\n")


def _git(root: Path, *args: str) -> str | None:
    """Return the output of a git command, None if it failed or git is missing."""
    try:
        done = subprocess.run(["git", *args], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    subjects, remark = subjects_in(ROOT)
    problems = [*problems_in(ROOT), *long_subjects(subjects)]
    if remark:
        print(f"check_language: {remark}")
    print("\n".join(problems) or "check_language: no refused wording")
    sys.exit(bool(problems))
