"""Refuse local paths, addresses of package registries, huge files, long lines, and comments that name a missing test.

python -m tools.check_repo
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.files import ROOT, written_files

MAX_LINES = 600
MAX_BYTES = 2_000_000
MAX_COLUMNS = 140
_SOURCES = {".py", ".js", ".css", ".html"}

# Written in pieces, so that this file passes its own check.
_MACHINE_FOLDERS = ("root", "home", "Users", "work", "opt", "tmp", "mnt", "srv", "usr/bin", "usr/local", "var/tmp")
_MACHINE_PATH = re.compile(
    r"(?<![\w.:/*~}$)-])(?:/(?:" + "|".join(_MACHINE_FOLDERS) + r")/[\w.~-]|[A-Z]:\\{1,2}Users\\)"
)
_REGISTRIES = ("pypi org", "pythonhosted org", "npmjs org", "npmjs com", "yarnpkg com", "anaconda org")
_REGISTRY = re.compile("|".join(host.replace(" ", "[.]") for host in _REGISTRIES))
# Text that has no space to break the line at, such as an address or a pattern.
_UNBROKEN = re.compile(r"\S{100}")
_TEST = re.compile(r"\btest_\w+")
_CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)


def problems_of(file: str, text: str) -> Iterator[str]:
    """Yield the problems of a text file; ``file`` is its path in the repository."""
    path = Path(file)
    is_module = path.suffix == ".js" and "vendor" not in path.parts
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith("#!"):
            continue
        if found := _MACHINE_PATH.search(line):
            yield f"{file}:{number}: {found[0]}… is a path of one machine; try a relative path or look it up"
        if found := _REGISTRY.search(line):
            yield f"{file}:{number}: {found[0]} is an address of a registry; leave the choice of it to pip or npm"
        if is_module and len(line) > MAX_COLUMNS and not _UNBROKEN.search(line):
            yield f"{file}:{number}: {len(line)} columns, expected at most {MAX_COLUMNS}; break the line"
    if path.parts[0] == "requirements" and "://" in text:
        yield f"{file}: a lock holds names, versions and hashes, and no address"
    if "src" in path.parts and path.suffix in _SOURCES and len(lines) > MAX_LINES:
        yield f"{file}: {len(lines)} lines, expected at most {MAX_LINES}; give each subject a file of its own"
    if _CONFLICT.search(text):
        yield f"{file}: holds the marks of a merge conflict"


def unlisted(root: Path) -> Iterator[str]:
    """Yield the pages of the documentation that its list of contents does not name."""
    contents = root / "docs" / "README.md"
    listed = contents.read_text(encoding="utf-8") if contents.exists() else ""
    for path in written_files(root):
        if path.suffix == ".md" and path.parts[0] == "docs" and path.parts[1] != "decisions":
            link = path.relative_to("docs").as_posix()
            if link != "README.md" and f"]({link})" not in listed:
                yield f"{path}: not in docs/README.md; add a line under its subject"


def lost_tests(root: Path) -> Iterator[str]:
    """Yield a problem for each missing test that a comment of the kernel names as the reason for a line."""
    files = [path for path in written_files(root) if path.suffix == ".py"]
    tests = [path for path in files if "tests" in path.parts]
    known = {path.stem for path in tests}
    for path in tests:
        known.update(re.findall(r"def (test_\w+)", (root / path).read_text(encoding="utf-8")))
    for path in files:
        if "kernel" in path.parts and "src" in path.parts:
            for name in sorted(set(_TEST.findall((root / path).read_text(encoding="utf-8"))) - known):
                yield f"{path}: there is no {name}; name the test that fails without these lines"


def problems_in(root: Path) -> Iterator[str]:
    """Yield the problems of the repository at ``root``."""
    yield from unlisted(root)
    yield from lost_tests(root)
    for path in written_files(root):
        content = (root / path).read_bytes()
        if len(content) > MAX_BYTES:
            yield f"{path}: {len(content):,} bytes, expected at most {MAX_BYTES:,}"
        if b"\0" in content[:8000]:
            continue
        yield from problems_of(path.as_posix(), content.decode("utf-8", "replace"))


if __name__ == "__main__":
    problems = list(problems_in(ROOT))
    print("\n".join(problems) or "check_repo: nothing here belongs to one machine")
    sys.exit(bool(problems))
