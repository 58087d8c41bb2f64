"""A profile of one workload: the ten functions with the most time of their own.

python benchmarks/own_time.py WORKLOAD        (PYTHONPATH=otp/src)
"""

from __future__ import annotations

import cProfile
import io
import json
import os
import pstats
import sys
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import otp
from benchmarks import peer_otp, protocol


def profile(workload: str) -> list[tuple[float, float, str]]:
    """Return (share of own time, calls per operation, function), the largest first."""
    profiler = cProfile.Profile()
    for program, arguments in peer_otp.WORKLOADS[workload]:
        with redirect_stdout(io.StringIO()):
            otp.run(_inside(profiler, program), *arguments)
    rows: dict[tuple[str, int, str], tuple[int, int, float, float, object]]
    rows = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    n = protocol.operations(workload)
    total = sum(own for _, _, own, _, _ in rows.values())
    found = [
        (own / total, calls / n, _words(*place))
        for place, (_, calls, own, _, _) in rows.items()
        if calls > n / 10  # ignore one-time work such as imports
    ]
    return sorted(found, reverse=True)[:10]


def _inside(profiler: cProfile.Profile, program):
    async def main(*arguments: object) -> None:
        profiler.enable()
        try:
            await program(*arguments)
        finally:
            profiler.disable()

    return main


def _words(file: str, line: int, function: str) -> str:
    if file == "~":
        return function.strip("<>")
    return f"{Path(file).parent.name}/{Path(file).name} {function}"


if __name__ == "__main__":
    name = sys.argv[1]
    os.environ["OTP_BENCH_ONLY"] = name
    json.dump(profile(name), sys.stdout)
