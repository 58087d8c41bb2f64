"""The compared programs: this library, Erlang/OTP, asyncio, Python, and peers.

`../shared/bench` has other actor libraries in environments of their own. It is not part of this repository;
without it, its columns are left out, as Erlang's is without `erl`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "ERLANG",
    "MAIN",
    "ROOT",
    "WORKLOADS",
    "Column",
    "columns",
    "environments_folder",
    "find_python",
    "main_python",
    "pinned",
]

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
MAIN = "3.13"
"""The Python of the promises."""
ERLANG = "Erlang/OTP"

WORKLOADS = (
    "call", "call_queued", "call_behind", "call_async", "cast", "ring", "spawn", "idle", "restart", "monitor", "pairs",
    "timers", "backlog", "selective",
)  # fmt: skip

_ALL = frozenset(WORKLOADS)
_SHARED = {  # name: (script, its arguments, its workloads)
    "proto": ("peer_proto.py", ("--gc",), _ALL - {"call_queued", "call_behind", "call_async"}),
    "fauxtp": ("peer_fauxtp.py", (), frozenset("call cast ring spawn idle restart monitor backlog".split())),
    "otpylib": ("peer_otpylib.py", (), frozenset("call ring spawn idle monitor pairs".split())),
    "triotp": ("peer_triotp.py", (), frozenset("call cast ring spawn idle restart".split())),
    "pykka": ("peer_pykka.py", (), frozenset("call cast ring spawn idle".split())),
    "thespian": ("peer_thespian.py", (), frozenset("call cast ring spawn idle restart".split())),
    "xoscar": ("peer_xoscar.py", (), frozenset("call cast ring spawn idle".split())),
    "mode": ("peer_mode.py", (), frozenset("call cast spawn idle".split())),
}


class Column(NamedTuple):
    """A measured program, with its workloads."""

    name: str
    command: tuple[str, ...]
    workloads: frozenset[str]
    environment: dict[str, str]


def find_python(version: str) -> str | None:
    """Return an interpreter of this version, found as in the continuous checks."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    found = subprocess.run(
        ["sh", str(ROOT / "tools" / "find_python.sh"), version], capture_output=True, text=True, cwd=ROOT
    )
    return found.stdout.strip() or None


def main_python() -> str:
    """Return the interpreter of the promises, or the current one."""
    return find_python(MAIN) or sys.executable


def version_of(python: str) -> str:
    return subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=True
    ).stdout.strip()


def pinned(command: tuple[str, ...], cpu: int) -> tuple[str, ...]:
    """Return the command pinned to one core, where that is possible."""
    return ("taskset", "-c", str(cpu), *command) if shutil.which("taskset") else command


def columns(build: Path, *, every_python: bool, shared: Path, environments: Path) -> Iterator[Column]:
    """Yield all programs that can be measured here; `build` is for compiled files."""
    erl = _erlang(build)
    if erl is not None:
        yield Column(ERLANG, erl, _ALL, {})
    python = main_python()
    ours = {"PYTHONPATH": str(ROOT / "otp" / "src")}
    yield Column(
        "asyncio", (python, str(HERE / "asyncio_floor.py")), _ALL - {"call_behind", "call_async", "selective"}, {}
    )
    floor = frozenset(("call", "call_queued", "cast", "ring", "pairs", "idle", "restart"))
    yield Column("bare Python", (python, str(HERE / "bare_python.py")), floor, {})
    script = str(HERE / "peer_otp.py")
    yield Column(f"otp {version_of(python)}", (python, script), _ALL, ours)
    if every_python:
        for version in (ROOT / ".ci" / "pythons").read_text().split():
            other = find_python(version)
            if other is not None and other != python:
                yield Column(f"otp {version}", (other, script), _ALL, ours)
    yield from _shared(shared, environments, python)


def _erlang(build: Path) -> tuple[str, ...] | None:
    erl, erlc = shutil.which("erl"), shutil.which("erlc")
    if erl is None or erlc is None:
        print("no erl here: Erlang's column and all ratios to it are left out", file=sys.stderr)
        return None
    subprocess.run([erlc, "-o", str(build), str(HERE / "beam.erl")], check=True)
    return (erl, "+S", "1:1", "+P", "1000000", "-noshell", "-pa", str(build), "-s", "beam", "main")


def _shared(shared: Path, environments: Path, python: str) -> Iterator[Column]:
    if not shared.is_dir():
        return
    for name, (script, arguments, workloads) in _SHARED.items():
        path = shared / "peers" / script
        own = environments / name / "bin" / "python"
        if name == "proto":  # needs only the standard library: use the same Python for a fair comparison
            own = Path(python)
        if path.exists() and own.exists():
            yield Column(name, (str(own), str(path), *arguments), workloads, {"PYTHONDONTWRITEBYTECODE": "1"})


def environments_folder() -> Path:
    """Return the folder of the other libraries' environments."""
    return Path(os.environ.get("OTP_BENCH_VENVS", Path.home() / ".cache" / "otp-bench"))
