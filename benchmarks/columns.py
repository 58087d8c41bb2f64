"""The figures of one processor, as `docs/performance.md` has them in a column.

Ratios to Erlang/OTP differ between processors by a factor of two, so a run replaces only the column of its own
processor. The figures of each are in a file of `benchmarks/processors`, which is under version control; the page is
written from these files alone.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.peers import ERLANG

__all__ = ["PROCESSORS", "ProcessorColumn", "column_of", "read_columns"]

PROCESSORS: Final = Path(__file__).parent / "processors"


@dataclass(frozen=True, slots=True)
class ProcessorColumn:
    """The medians of one run on one processor.

    Args:
        processor: its model, which identifies the column.
        measured: the time of the run in UTC, such as `2026-11-25T13:30:00.000000`; None if it was not recorded.
        machine, repeats, scale: the circumstances of the run.
        versions: the compared programs, in their order, with their versions.
        ratios: for each workload and program, the time in relation to `base`.
        nanoseconds: for each workload, the time of `ours`.
        bytes: for each kind of idle process and program, its resident bytes.
        spreads: for each workload, the distance of the quartiles of `ours` by the median.
        call_spreads: the same for each program, of `call`.
        profile: the functions of the workload farthest from its promise.
        large: the results of the soak test; empty if it did not run.
    """

    processor: str
    measured: str | None
    machine: dict[str, Any]
    repeats: int
    scale: float
    versions: dict[str, str]
    ratios: dict[str, dict[str, float]]
    nanoseconds: dict[str, float]
    bytes: dict[str, dict[str, float]]
    spreads: dict[str, float]
    call_spreads: dict[str, float]
    profile: Any = None
    large: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def ours(self) -> str:
        """The name of this library on the Python of the promises."""
        return next((peer for peer in self.versions if peer.startswith("otp ")), "otp")

    @property
    def base(self) -> str:
        """The program that times are compared with."""
        return ERLANG if ERLANG in self.versions else self.ours

    def ratio(self, workload: str, peer: str | None = None, *, memory: bool = False) -> float | None:
        """Return time or bytes of a program, this library by default, in relation to `base`."""
        peer = peer or self.ours
        if not memory:
            return self.ratios.get(workload, {}).get(peer)
        found = self.bytes.get(workload, {})
        return found[peer] / found[self.base] if found.get(self.base) and peer in found else None

    def write(self, folder: Path = PROCESSORS) -> Path:
        """Write its file, in place of an earlier run on the same processor; return the path."""
        folder.mkdir(exist_ok=True)
        file = folder / f"{re.sub(r'[^a-z0-9]+', '-', self.processor.lower()).strip('-')}.json"
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        return file


def read_columns(folder: Path = PROCESSORS) -> list[ProcessorColumn]:
    """Return the columns of all processors, the oldest run first."""
    found = [ProcessorColumn(**json.loads(file.read_text(encoding="utf-8"))) for file in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda column: column.measured or "")


def column_of(workloads: dict[str, Any], soak: dict[str, Any] | None, measured: str) -> ProcessorColumn:
    """Return the column of a run from its results."""
    rows: list[dict[str, Any]] = workloads.get("rows", [])
    versions = {row["peer"]: row["version"] for row in rows}
    times: dict[str, dict[str, list[float]]] = {}
    sizes: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        times.setdefault(row["workload"], {}).setdefault(row["peer"], []).append(row["ns_per_op"])
        if row["bytes_per_proc"] is not None:
            sizes.setdefault(row["workload"], {}).setdefault(row["peer"], []).append(row["bytes_per_proc"])
    times.pop("idle_server", None)  # its time is server_start's
    bare = ProcessorColumn("", None, {}, 0, 0, versions, {}, {}, {}, {}, {})
    ours, base = bare.ours, bare.base
    return ProcessorColumn(
        processor=workloads["machine"].get("processor", "unknown processor"),
        measured=measured,
        machine=workloads["machine"],
        repeats=workloads.get("repeats", 0),
        scale=workloads.get("scale", 0),
        versions=versions,
        ratios={
            workload: {
                peer: statistics.median(values) / statistics.median(found[base]) for peer, values in found.items()
            }
            for workload, found in times.items()
            if base in found
        },
        nanoseconds={workload: statistics.median(found[ours]) for workload, found in times.items() if ours in found},
        bytes={workload: _medians(found.items()) for workload, found in sizes.items()},
        spreads=_spreads({workload: found.get(ours, []) for workload, found in times.items()}),
        call_spreads=_spreads(times.get("call", {})),
        profile=workloads.get("profile"),
        large={key: value for key, value in (soak or {}).items() if key != "others"},
    )


def _medians(found: Iterable[tuple[str, list[float]]]) -> dict[str, float]:
    return {peer: statistics.median(values) for peer, values in found}


def _spreads(found: dict[str, list[float]]) -> dict[str, float]:
    """Return the interquartile ranges as fractions of the medians, where there are enough values."""
    spreads: dict[str, float] = {}
    for name, values in found.items():
        if len(values) >= 3:
            low, _, high = statistics.quantiles(values, n=4, method="inclusive")
            spreads[name] = (high - low) / statistics.median(values)
    return spreads
