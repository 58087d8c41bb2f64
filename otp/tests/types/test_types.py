"""The types of `otp` as its users meet them: what checkers infer, what they refuse, and that no public name lacks one.

The modules in `promised` are never run. An `ignore` in them is a promise, too: each names the rule by which one checker
refuses the line, and both are told to complain about one that hides nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytestmark = pytest.mark.program

pytest.importorskip("pyright")
playwright = pytest.importorskip("playwright")

HERE = Path(__file__).parent
PROMISED = HERE / "promised"
SOURCES = HERE.parents[1] / "src"
OLDEST = "3.11"  # for which the types have to hold; later ones know more

# pyright runs on Node; playwright brings one, so none has to be installed.
NODE = str(Path(playwright.__file__).parent / "driver")
WITH_NODE = {**os.environ, "PATH": os.pathsep.join((NODE, os.environ.get("PATH", "")))}

STRICT: dict[str, Any] = {
    "include": ["."],
    "extraPaths": [str(SOURCES)],
    "pythonVersion": OLDEST,
    "typeCheckingMode": "strict",
    "enableTypeIgnoreComments": False,  # those are mypy's; ours name pyright's own rule
    "reportUnnecessaryTypeIgnoreComment": "error",
}

BROKEN = """
from typing import assert_type
import otp

assert_type(otp.self(), int)
otp.link("name")
otp.self()  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
"""


def pyright(*arguments: str, cwd: Path, path: Path = SOURCES) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "pyright", *arguments, "--outputjson", "--pythonpath", sys.executable],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**WITH_NODE, "PYTHONPATH": str(path)},
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return json.loads(done.stdout[done.stdout.index("{") :])


def run_pyright(folder: Path) -> list[str]:
    (folder / "pyrightconfig.json").write_text(json.dumps(STRICT))
    findings = pyright("-p", str(folder), cwd=folder)["generalDiagnostics"]
    return [
        f"{Path(found['file']).name}:{found['range']['start']['line'] + 1}: "
        f"{found['message'].splitlines()[0]} ({found.get('rule')})"
        for found in findings
    ]


def run_mypy(folder: Path) -> list[str]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            f"--python-version={OLDEST}",
            f"--cache-dir={folder / 'cache'}",
            "--config-file=",
            "--hide-error-context",
            "--no-error-summary",
            *sorted(file.name for file in folder.glob("*.py")),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(SOURCES)},
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": note: " not in line]


@pytest.fixture
def promises(tmp_path: Path) -> Path:
    """What is promised, and beside it what is not: that it is found shows that the checkers have looked."""
    folder = shutil.copytree(PROMISED, tmp_path / "promised", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "promised" / "broken.py").write_text(BROKEN)
    return Path(folder)


def test_pyright_finds_what_is_promised_and_nothing_else(promises: Path) -> None:
    assert [
        'broken.py:5: "assert_type" mismatch: expected "int" but received "Pid" (reportAssertTypeFailure)',
        'broken.py:6: Argument of type "Literal[\'name\']" cannot be assigned to parameter "pid" of type "Pid" '
        'in function "link" (reportArgumentType)',
        'broken.py:7: Unnecessary "# pyright: ignore" rule: "reportArgumentType" (reportUnnecessaryTypeIgnoreComment)',
    ] == run_pyright(promises)


def test_mypy_finds_what_is_promised_and_nothing_else(promises: Path) -> None:
    pytest.importorskip("mypy")
    assert [
        'broken.py:5: error: Expression is of type "Pid", not "int"  [assert-type]',
        'broken.py:6: error: Argument 1 to "link" has incompatible type "str"; expected "Pid"  [arg-type]',
        'broken.py:7: error: Unused "type: ignore" comment  [unused-ignore]',
    ] == run_mypy(promises)


def test_every_public_name_has_a_type(tmp_path: Path) -> None:
    # A copy, and from a folder that holds nothing else: from ours `otp` would be the folder of that name.
    shutil.copytree(SOURCES / "otp", tmp_path / "otp", ignore=shutil.ignore_patterns("__pycache__"))
    # Beside it what its extras bring: asked for the types of a package, pyright looks into no other folder.
    folder = Path(str(msgspec.__file__)).parent
    shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("*.so"))
    found = pyright("--verifytypes", "otp", "--ignoreexternal", cwd=tmp_path, path=tmp_path)["typeCompleteness"]
    counts = found["exportedSymbolCounts"]
    symbols = [symbol for symbol in found["symbols"] if symbol["isExported"]]
    lacking = sorted(symbol["name"] for symbol in symbols if not symbol["isTypeKnown"])
    assert counts["withKnownType"] > 1_000  # it has looked
    assert [] == lacking
    assert (0, 0) == (counts["withAmbiguousType"], counts["withUnknownType"])
    assert 1 == found["completenessScore"]
    assert (0, 0) == (found["missingFunctionDocStringCount"], found["missingClassDocStringCount"])
