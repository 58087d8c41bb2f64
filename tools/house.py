"""Measure the layout of a checkout: files, arrows between packages, the path of a kill, sizes, words.

    python -m tools.house            # this checkout; half a minute
    python -m tools.house FOLDER     # another one, as `git archive COMMIT | tar x -C FOLDER` writes it

Prints the figures of the table in `docs/architecture.md`. How each is counted:

- *kernel*: its Python files with `__init__`, its folders, the longest chain of imports between its files, and imports
  at run time from a folder to a higher one.
- *arrows between rooms*: pairs of top-level packages of the platform of which one imports the other, annotations
  included. *Arrows up*: those to a higher layer of `pyproject.toml`.
- *files of a kill*: a platform runs the demo with a profile hook (`sys.setprofile`) in the thread of its loop. A client
  kills `counter_1` over REST. The figure is the number of our files in which a function is called or resumed until the
  client has the answer, or until a viewer has the frame with the new process. Periodic work adds files, so the smallest
  figure of several kills counts.
- *private names*: uses of `x._name` in source files outside the kernel, where the kernel defines `_name`, the file does
  not, and `x` is neither `self` nor `cls`.
- *lines, characters, words*: as `wc` counts them; words without decisions, generated pages and benchmarks.
"""

from __future__ import annotations

import ast
import functools
import http.client
import json
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from tools.files import ROOT
from tools.rooms import imports_of, layers, modules_of
from tools.serving import serving

__all__ = ["Kernel", "kernel", "kill", "private_names", "rooms", "sizes", "words"]

KERNEL = ("values", "tables", "ends", "steps")
"""Its folders, the lowest first."""
KILLS = 5
QUIET = 1.5
"""Seconds between two kills: restarts, frames and periodic work of the first are over."""
PATIENCE = 30
"""Seconds to wait for a frame or a file of the platform."""
NOT_COUNTED = ("conformance.md", "dependencies.md")
HOOKED = """\
#!{python}
import json, os, signal, sys, time

seen = {{}}

def note(frame, event, _):
    if event == "call":
        seen.setdefault(frame.f_code.co_filename, time.monotonic())

def begin(*_):
    seen.clear()
    open({result!r} + ".begun", "w").close()
    sys.setprofile(note)

def end(*_):
    sys.setprofile(None)
    with open({result!r} + ".part", "w") as file:
        json.dump(seen, file)
    os.replace({result!r} + ".part", {result!r})

signal.signal(signal.SIGUSR1, begin)
signal.signal(signal.SIGUSR2, end)
from superlearner.cli import main
main()
"""


class Kernel(NamedTuple):
    """The figures of `otp.kernel`."""

    files: int
    folders: int
    floors: int
    up: int


def kernel(root: Path) -> Kernel:
    """Return the figures of the kernel."""
    source = root / "otp/src"
    top = source / "otp/kernel"
    files = {_module(file, source): file for file in top.rglob("*.py")}
    imports = {name: set(_known(file, files)) - {name} for name, file in files.items()}

    @functools.cache
    def floor(name: str) -> int:
        return 1 + max((floor(other) for other in imports[name]), default=0)

    height = {folder: number for number, folder in enumerate(KERNEL)}

    def level(name: str) -> int:
        return height.get(name.removeprefix("otp.kernel").strip(".").partition(".")[0], len(height))

    up = sum(level(name) < level(other) for name, others in imports.items() for other in others)
    folders = sum(1 for folder in top.iterdir() if (folder / "__init__.py").exists())
    return Kernel(len(files), folders, max(map(floor, files)), up)


def _module(file: Path, source: Path) -> str:
    return ".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__")


def _known(file: Path, names: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules among ``names`` that a file imports at run time."""
    for module in modules_of(_tree(file)):
        name = module
        while name and name not in names:
            name = name.rpartition(".")[0]
        if name:
            yield name


@functools.cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def rooms(root: Path) -> tuple[int, list[str]]:
    """Return the number of arrows between packages of the platform, and the arrows up."""
    rows = layers("superlearner", root)
    floors = {room: number for number, row in enumerate(rows) for room in row}
    arrows = imports_of(root / "superlearner/src/superlearner", set(floors), annotations=True)
    up = [
        f"{start} → {end}" for start in sorted(arrows) for end in sorted(arrows[start]) if floors[end] < floors[start]
    ]
    return sum(map(len, arrows.values())), up


def private_names(root: Path) -> int:
    """Return how often source files outside the kernel use its private names."""
    top = root / "otp/src/otp/kernel"
    defined = {name for file in top.rglob("*.py") for name in _defined(_tree(file)) if re.match(r"_(?!_)", name)}
    return sum(
        isinstance(node, ast.Attribute)
        and node.attr in names
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
        for file in _sources(root)
        if top not in file.parents
        for names in [defined - set(_defined(_tree(file)))]
        for node in ast.walk(_tree(file))
    )


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the functions, classes, variables, attributes and slots that a module defines."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                yield node.attr
            case ast.Assign(targets=[ast.Name(id="__slots__")]):
                constants = (one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant))
                yield from (name for name in constants if isinstance(name, str))
            case _:
                pass


def _sources(root: Path) -> Iterator[Path]:
    for source in ("otp/src", "superlearner/src"):
        yield from sorted((root / source).rglob("*.py"))


def sizes(root: Path) -> tuple[int, int]:
    """Return lines of Python source, and characters of JavaScript without vendored files."""
    scripts = (file for file in (root / "superlearner/src").rglob("*.js") if "vendor" not in file.parts)
    return (
        sum(file.read_text(encoding="utf-8").count("\n") for file in _sources(root)),
        sum(len(file.read_text(encoding="utf-8")) for file in scripts),
    )


def words(root: Path) -> dict[str, int]:
    """Return the words of each counted page: no decisions, conformance, dependencies, and no figures of benchmarks."""
    docs = root / "docs"
    return {
        page.relative_to(docs).as_posix(): len(page.read_text(encoding="utf-8").split())
        for page in sorted(docs.rglob("*.md"))
        if "decisions" not in page.parts and page.name not in NOT_COUNTED and not page.name.endswith("performance.md")
    }


def kill(root: Path, kills: int = KILLS) -> tuple[set[str], set[str]]:
    """Return the files on the path of a kill to its answer and to its frame: the smallest sets of several kills."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        program, result = folder / "superlearner", folder / "seen.json"
        program.write_text(HOOKED.format(python=sys.executable, result=str(result)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        sources = os.pathsep.join(str(root / source) for source in ("otp/src", "superlearner/src"))
        environment = {**os.environ, "PYTHONPATH": sources, "SUPERLEARNER_DATA_DIR": str(folder / "data")}
        with serving(program, folder, environment) as (address, process):
            moments = _kills(address, process.pid, result, kills)
    ours = [
        ({file: at for file, at in seen.items() if file.startswith(str(root)) and "/src/" in file}, *ends)
        for seen, *ends in moments
    ]
    answers = [{file for file, at in seen.items() if at <= answer} for seen, answer, _ in ours]
    frames = [{file for file, at in seen.items() if at <= frame} for seen, _, frame in ours]
    return min(answers, key=len), min(frames, key=len)


def _kills(address: str, pid: int, result: Path, kills: int) -> list[tuple[dict[str, float], float, float]]:
    """Kill `counter_1`; return the files with the time of their first call, and the times of answer and frame."""
    begun = result.with_name(f"{result.name}.begun")
    found: list[tuple[dict[str, float], float, float]] = []
    with ThreadPoolExecutor(1) as pool, connect(f"ws{address[4:]}/live/supervisors", max_size=None) as viewer:
        for _ in range(kills):
            _drain(viewer)
            os.kill(pid, signal.SIGUSR1)
            _take(begun)
            answer = pool.submit(_delete, address)
            while not _has_new_process(json.loads(viewer.recv(timeout=PATIENCE))):
                pass
            shown = time.monotonic()
            answered = answer.result()
            os.kill(pid, signal.SIGUSR2)
            found.append((json.loads(_take(result)), answered, shown))
    return found


def _take(path: Path) -> str:
    """Return the text of a file that the platform writes, and remove it."""
    end = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > end:
            raise RuntimeError(f"expected {path.name} within {PATIENCE} s")
        time.sleep(0.01)
    text = path.read_text()
    path.unlink()
    return text


def _has_new_process(frame: Mapping[str, Any]) -> bool:
    """Return whether a frame changes the pid of `counter_1`."""
    return any(key.endswith("/counter_1") and "pid" in changes for key, changes in frame.get("p", ()))


def _drain(viewer: ClientConnection) -> None:
    """Discard frames until the effects of the previous kill are over."""
    end = time.monotonic() + QUIET
    while (left := end - time.monotonic()) > 0:
        with suppress(TimeoutError):
            viewer.recv(timeout=left)


def _delete(address: str) -> float:
    """Kill the process; return the time at which the answer arrived."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    with closing(connection):
        connection.request("DELETE", "/api/v1/processes/counter_1")
        answer = connection.getresponse()
        text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"expected 200, got {answer.status}: {text[:300]!r}")
    return time.monotonic()


def main() -> int:
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    core, (arrows, up), (answer, frame), (lines, characters) = kernel(root), rooms(root), kill(root), sizes(root)
    for name, figure in (
        ("kernel: files", core.files),
        ("kernel: folders", core.folders),
        ("kernel: longest chain of imports", core.floors),
        ("kernel: arrows up between folders", core.up),
        ("platform: arrows between rooms", arrows),
        ("platform: arrows up", len(up)),
        ("files of a kill: to the answer", len(answer)),
        ("files of a kill: to the frame", len(frame)),
        ("lines of Python source", lines),
        ("characters of JavaScript", characters),
        ("private names used outside the kernel", private_names(root)),
        ("words under docs/", sum(words(root).values())),
    ):
        print(f"{name:40}{figure:>12,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
