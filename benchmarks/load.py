"""The load of the machine by other programs, which would distort the measurements.

It is read from the kernel's counters, so no program runs beside the measured one: the processor time of all programs,
less that of this one and its children. Only Linux has them; elsewhere the load average decides before a run, and
nothing is checked during it.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MOST_OTHERS", "MOST_STOLEN", "Load", "Meter", "begin", "refusal"]

MOST_OTHERS = 0.15
"""Cores that other programs may use, on average."""
MOST_STOLEN = 0.02
"""Share of all cores' time that the host may give to other machines, on average."""
_SAMPLE = 3.0  # seconds
_COUNTERS = Path("/proc/stat")


@dataclass(frozen=True)
class Load:
    """The use of the machine by others over some time.

    Attributes:
        others: Cores that other programs used; `None` where the system does not count it.
        stolen: Share of all cores' time that the host gave to other machines; `None` likewise.
        average: The load average of the last minute.
    """

    others: float | None
    stolen: float | None
    average: float

    def is_quiet(self) -> bool:
        """Return whether figures measured at this load may be published."""
        if self.others is None or self.stolen is None:
            return self.average <= 0.5 * (os.cpu_count() or 1)
        return self.others <= MOST_OTHERS and self.stolen <= MOST_STOLEN

    def __str__(self) -> str:
        if self.others is None or self.stolen is None:
            return f"a load average of {self.average:.1f}"
        return (
            f"other programs used {self.others:.2f} of {os.cpu_count()} cores, the host took {self.stolen:.1%} of the "
            f"time, load average {self.average:.1f}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the load for the results of a run."""
        return {"others": self.others, "stolen": self.stolen, "average": self.average}


class Meter:
    """A meter of the use by other programs since its creation."""

    def __init__(self) -> None:
        self._begun = self._counted()

    def read(self) -> Load:
        """Return the load since the creation; children count once they were waited for."""
        average = os.getloadavg()[0]
        now = self._counted()
        if now is None or self._begun is None:
            return Load(None, None, average)
        busy, stolen, own, clock = (end - start for start, end in zip(self._begun, now, strict=True))
        seconds = max(clock, 0.001)
        return Load(max(0.0, busy - own) / seconds, stolen / seconds / (os.cpu_count() or 1), average)

    def _counted(self) -> tuple[float, float, float, float] | None:
        """Return seconds: of all programs, stolen by the host, of this program and its children, of the clock."""
        if not _COUNTERS.exists():
            return None
        spent = os.times()
        own = spent.user + spent.system + spent.children_user + spent.children_system
        busy, stolen = parse(_COUNTERS.read_text())
        return busy, stolen, own, time.monotonic()


def parse(counters: str) -> tuple[float, float]:
    """Parse `/proc/stat`; return the seconds used by programs and stolen by the host."""
    line = next(line for line in counters.splitlines() if line.startswith("cpu "))
    user, nice, system, _idle, _waiting, hard, soft, stolen = (int(word) for word in line.split()[1:9])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + hard + soft) / ticks, stolen / ticks


def sample(seconds: float = _SAMPLE) -> Load:
    """Return the load of the machine while this program sleeps."""
    meter = Meter()
    time.sleep(seconds)
    return meter.read()


def refusal(when: str, load: Load) -> str:
    """Return the message for a page that is not written."""
    return (
        f"refused to write the page: {when}, {load}; expected at most {MOST_OTHERS} cores and {MOST_STOLEN:.0%}. "
        "Try again when nothing else runs; --anyway measures and prints the page without writing it."
    )


def begin(*, anyway: bool) -> bool:
    """Return whether a run may begin: on a machine without other work, or `anyway`. Print the load of a busy one."""
    before = sample()
    if not before.is_quiet():
        print(f"before the run, {before}" if anyway else refusal("before the run", before), file=sys.stderr)
    return anyway or before.is_quiet()
