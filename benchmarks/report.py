"""Write `docs/performance.md` from the results in `benchmarks/results`.

python -m benchmarks.report [--anyway]

Figures measured on a busy machine are not written; `--anyway` prints them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.load import Load, refusal
from benchmarks.peers import ERLANG, ROOT
from benchmarks.promises import LIMITS, NOTES, PROMISES, READING, WORDS

RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "performance.md"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--anyway", action="store_true", help="print the page, and write nothing")
    options = parser.parse_args(arguments)
    workloads, soak = read("workloads"), read("soak")
    if workloads is None:
        print("nothing measured yet: python -m benchmarks.run", file=sys.stderr)
        return 1
    text = "\n".join(page(workloads, soak)).rstrip() + "\n"
    if options.anyway:
        print(text, end="")
        return 0
    for part, counted in (("workloads", workloads["machine"].get("others")), ("soak", (soak or {}).get("others"))):
        load = Load(**counted) if counted else None
        if load is not None and not load.is_quiet():
            print(refusal(f"while {part} ran", load), file=sys.stderr)
            return 1
    PAGE.write_text(text, encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


def read(name: str) -> Any:
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


def page(workloads: Any, soak: Any) -> Iterator[str]:
    figures = Figures(workloads["rows"])
    yield from introduction(workloads)
    yield from promises(figures)
    if soak is not None:
        yield from large(soak)
    yield from all_ratios(figures)
    yield from memory(figures)
    yield from own_times(workloads["profile"])
    yield from reading(figures, workloads)


class Figures:
    """The medians of all workloads and programs."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.peers = list(dict.fromkeys(row["peer"] for row in rows))
        named = dict.fromkeys(row["workload"] for row in rows)
        self.workloads = [name for name in named if name != "idle_server"]  # its time is server_start's
        self.versions = {row["peer"]: row["version"] for row in rows}
        self.ours = next((peer for peer in self.peers if peer.startswith("otp ")), "otp")
        self._times: dict[tuple[str, str], list[float]] = {}
        self._bytes: dict[tuple[str, str], list[float]] = {}
        for row in rows:
            key = (row["peer"], row["workload"])
            self._times.setdefault(key, []).append(row["ns_per_op"])
            if row["bytes_per_proc"] is not None:
                self._bytes.setdefault(key, []).append(row["bytes_per_proc"])

    def time(self, peer: str, workload: str) -> float | None:
        return median(self._times.get((peer, workload)))

    def ratio(self, peer: str, base: str, workload: str) -> float | None:
        return ratio(self.time(peer, workload), self.time(base, workload))

    def bytes(self, peer: str, workload: str) -> float | None:
        return median(self._bytes.get((peer, workload)))

    def spread(self, peer: str, workload: str) -> float | None:
        """Return the interquartile range as a fraction of the median."""
        values = sorted(self._times.get((peer, workload), ()))
        if len(values) < 3:
            return None
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return (high - low) / statistics.median(values)


def median(values: list[float] | None) -> float | None:
    return statistics.median(values) if values else None


def ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def introduction(workloads: Any) -> Iterator[str]:
    at = workloads["machine"]
    virtual = ", a virtual machine" if at["virtual"] else ""
    built = "with" if at["optimised"] else "without"
    yield "# How fast it is\n"
    yield "```sh\nmake bench        # measures everything on one core and writes this page\n```\n"
    yield (
        "Erlang/OTP, bare asyncio and this library take turns on one core in one run, so compare the *ratios*. Lower "
        "is faster. `make bench` writes this page.\n"
    )
    yield (
        f"Measured on {at['processor']}{virtual}, {at['cores']} cores, {at['memory_gib']} GiB, {at['system']}. "
        f"CPython {at['python']}, built {built} profile-guided optimisation"
        + ("" if at["optimised"] else " (which would be about a tenth faster)")
        + f". {beside(at)} "
        f"Medians of {workloads['repeats']} interleaved repeats, workloads at {workloads['scale']:g} of their size; "
        "the programs in [benchmarks](../benchmarks) run under `otp.run`.\n"
    )


def beside(at: Any) -> str:
    """Return a sentence about other work on the machine."""
    if at.get("others"):
        return f"While it ran, {Load(**at['others'])}."
    return f"Other work on the machine when the run began: load {at.get('load', 0):.1f}."


def promises(figures: Figures) -> Iterator[str]:
    yield "## Promises\n"
    if ERLANG not in figures.peers:
        yield "Not compared, because this machine has no `erl`.\n"
        return
    lines: list[tuple[str, ...]] = []
    notes: list[str] = []
    for promise in PROMISES:
        of = figures.bytes if promise.memory else figures.time
        got = ratio(of(figures.ours, promise.workload), of(ERLANG, promise.workload))
        spread = None if promise.memory else figures.spread(figures.ours, promise.workload)
        if got is None:
            verdict = "not measured"
        elif got <= promise.stretch:
            verdict = "reached, and the stretch"
        elif got <= promise.at_most:
            verdict = "reached"
        else:
            verdict = "**not reached**"
            if promise.workload in NOTES:
                notes.append(NOTES[promise.workload])
        lines.append(
            (promise.work, short(got), f"≤ {promise.at_most:g}", f"{promise.stretch:g}", verdict, percent(spread))
        )
    yield f"Ratio to {figures.versions[ERLANG]} on the same core, {figures.ours}.\n"
    yield from table(("work", "ratio", "promise", "stretch", "", "spread"), lines, right=(1, 2, 3, 5))
    if notes:
        yield "Promises not reached:\n"
        yield from (f"- {note}" for note in notes)
        yield ""


def large(soak: dict[str, Any]) -> Iterator[str]:
    yield "## Large systems\n"
    lines = [
        (words, f"{soak[key]:g}", f"≤ {most:g}", "reached" if soak[key] <= most else "**not reached**")
        for key, (words, most) in LIMITS.items()
        if key in soak
    ]
    yield from table(("", "measured", "promise", ""), lines, right=(1, 2))
    if "servers" in soak:
        yield (
            f"{soak['servers']:,} servers with an int state under one `DynamicSupervisor`, {soak['bytes_per_server']} "
            f"bytes each; then {soak['seconds']:g} s of 1,000 casts a second and {soak['kills']:,} kills, collector "
            f"included, with {100 * soak['cpu_share']:.0f} % of the core. Lateness of a 5 ms timer: "
            f"p50 {soak['load_lateness_p50_ms']:g} ms.\n"
        )
    if "messages_per_second" in soak:
        yield (
            f"Full message load is 20 ping-pong pairs, 10 callers and 10 flooders, "
            f"{soak['messages_per_second'] / 1e6:.1f} million messages a second; beside it a 1 ms timer is late by "
            f"{soak['drain_lateness_p50_ms']:g} ms and an echo over TCP takes {soak['drain_echo_p50_ms']:g} ms (p50).\n"
        )
    if soak.get("ring_restart_percent", 0) > LIMITS["ring_restart_percent"][1]:
        yield f"{NOTES['events']}\n"
    if "trace_ns_per_event" in soak:
        yield (
            f"Tracing everything is {soak['trace_events_per_message']:g} events a message of "
            f"{soak['trace_ns_per_event']} ns each, and calls go through the queue; without a reader it costs nothing."
        )
        if soak["trace_factor"] > LIMITS["trace_factor"][1]:
            yield NOTES["trace"]
    yield ""


def all_ratios(figures: Figures) -> Iterator[str]:
    yield "## All workloads\n"
    base = ERLANG if ERLANG in figures.peers else figures.ours
    yield f"Ratio to {base}, below 1 is faster, and nanoseconds for one operation.\n"
    yield from table(
        ("one operation", *figures.peers, f"{figures.ours}, ns"),
        [
            (
                f"{workload}: {WORDS[workload]}" if workload in WORDS else workload,
                *(short(figures.ratio(peer, base, workload)) for peer in figures.peers),
                nanoseconds(figures.time(figures.ours, workload)),
            )
            for workload in figures.workloads
            if figures.time(base, workload) is not None
        ],
    )


def memory(figures: Figures) -> Iterator[str]:
    yield "Resident bytes of one idle process.\n"
    yield from table(
        ("", *figures.peers),
        [
            (workload, *("" if (b := figures.bytes(peer, workload)) is None else f"{b:.0f}" for peer in figures.peers))
            for workload in ("idle_server", "idle_coro")
            if any(figures.bytes(peer, workload) for peer in figures.peers)
        ],
    )


def own_times(profile: Any) -> Iterator[str]:
    if not profile:
        return
    yield "## Profile\n"
    yield (
        f"`{profile['workload']}` misses its promise by the most. Its functions by self time, measured by `cProfile`, "
        "which overstates the cost of small functions:\n"
    )
    lines = [(f"{share:.1%}", f"{calls:.1f}", f"`{function}`") for share, calls, function in profile["rows"]]
    yield from table(("self time", "calls each", "function"), lines, right=(0, 1))


def reading(figures: Figures, workloads: Any) -> Iterator[str]:
    yield "## How to read it\n"
    yield from (f"- {note}" for note in READING)
    spreads = [f"{peer} {percent(figures.spread(peer, 'call'))}" for peer in figures.peers]
    yield f"- Spread (distance of the quartiles by the median) of `call`: {', '.join(spreads)}."
    yield f"- Versions: {'; '.join(f'{peer}: {version}' for peer, version in figures.versions.items())}."


def table(head: Iterable[str], lines: Iterable[Iterable[str]], right: tuple[int, ...] | None = None) -> Iterator[str]:
    """Yield a Markdown table; by default all columns but the first are right-aligned."""
    head = list(head)
    to_right = set(range(1, len(head)) if right is None else right)
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---:' if i in to_right else '---' for i in range(len(head)))}|"
    yield from (f"| {' | '.join(line)} |" for line in lines)
    yield ""


def short(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def nanoseconds(value: float | None) -> str:
    if value is None:
        return ""
    if value < 10_000:
        return f"{value:.0f}"
    return f"{value / 1000:.1f} k" if value < 1_000_000 else f"{value / 1e6:.1f} M"


if __name__ == "__main__":
    sys.exit(main())
