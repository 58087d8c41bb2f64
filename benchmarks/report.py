"""Write `docs/performance.md` from the figures of all processors, with those in `benchmarks/results` as the newest.

python -m benchmarks.report [--anyway]

Figures measured on a busy machine are not written; `--anyway` prints the page that they would make.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import columns
from benchmarks.columns import ProcessorColumn, column_of, read_columns
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
    newest = column_of(workloads, soak, measured_at("workloads"))
    stored = [one for one in read_columns(columns.PROCESSORS) if one.processor != newest.processor]
    text = page_text([*stored, newest])
    if options.anyway:
        print(text, end="")
        return 0
    for part, counted in (("workloads", workloads["machine"].get("others")), ("soak", (soak or {}).get("others"))):
        load = Load(**counted) if counted else None
        if load is not None and not load.is_quiet():
            print(refusal(f"while {part} ran", load), file=sys.stderr)
            return 1
    newest.write(columns.PROCESSORS)
    PAGE.write_text(text, encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


def measured_at(name: str) -> str:
    at = dt.datetime.fromtimestamp((RESULTS / f"{name}.json").stat().st_mtime, dt.UTC)
    return at.replace(tzinfo=None).isoformat(timespec="microseconds")


def read(name: str) -> Any:
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


def page_text(found: Sequence[ProcessorColumn]) -> str:
    """Return the page with these columns; the last one is the newest."""
    return "\n".join(page(found)).rstrip() + "\n"


def page(found: Sequence[ProcessorColumn]) -> Iterator[str]:
    newest = found[-1]
    yield from introduction(found)
    yield from promises(found)
    yield from large([one for one in found if one.large])
    yield from all_ratios(found)
    yield from memory(newest)
    yield from own_times(newest)
    yield from reading(newest)


def introduction(found: Sequence[ProcessorColumn]) -> Iterator[str]:
    yield "# How fast it is\n"
    yield "```sh\nmake bench        # measures everything on one core and writes this page\n```\n"
    yield (
        "Erlang/OTP, bare asyncio and this library take turns on one core in one run, so compare the *ratios*. Lower "
        "is faster. Ratios differ between processors by up to a factor of two: each processor that was measured has "
        "a column, and `make bench` replaces that of the present one.\n"
    )
    yield from table(
        ("processor", "measured", "cores", "memory", "CPython", "other work", "repeats, size"),
        [
            (
                one.processor,
                (one.measured or "day not recorded").partition("T")[0],
                f"{one.machine['cores']}{', virtual' if one.machine['virtual'] else ''}",
                f"{one.machine['memory_gib']} GiB",
                one.machine["python"] + ("" if one.machine["optimised"] else ", without profile-guided optimisation"),
                beside(one.machine),
                f"{one.repeats}, {one.scale:g}",
            )
            for one in found
        ],
        right=(),
    )
    yield (
        "Without profile-guided optimisation CPython is about a tenth slower. Repeats are interleaved, figures are "
        "medians; the programs in [benchmarks](../benchmarks) run under `otp.run`.\n"
    )


def beside(at: Any) -> str:
    """Return a phrase about other work on the machine."""
    return str(Load(**at["others"])) if at.get("others") else f"load {at.get('load', 0):.1f} at the start"


def promises(found: Sequence[ProcessorColumn]) -> Iterator[str]:
    yield "## Promises\n"
    compared = [one for one in found if ERLANG in one.versions]
    if not compared:
        yield "Not compared, because no machine had `erl`.\n"
        return
    missed: set[str] = set()
    lines: list[tuple[str, ...]] = []
    for promise in PROMISES:
        cells: list[str] = []
        for one in compared:
            got = one.ratio(promise.workload, memory=promise.memory)
            reached = got is None or got <= promise.at_most
            spread = None if promise.memory else one.spreads.get(promise.workload)
            if not reached:
                missed.add(promise.workload)
            cells += [short(got) if reached else f"**{short(got)}**", percent(spread)]
        lines.append((promise.work, f"≤ {promise.at_most:g}", f"{promise.stretch:g}", *cells))
    versions = "; ".join(dict.fromkeys(f"{one.versions[ERLANG]} and {one.ours}" for one in compared))
    yield f"Ratio to Erlang/OTP on the same core: {versions}. **Bold**: not reached.\n"
    heads = [head for one in compared for head in (one.processor, "spread")]
    yield from table(("work", "promise", "stretch", *heads), lines)
    if notes := [NOTES[one.workload] for one in PROMISES if one.workload in missed and one.workload in NOTES]:
        yield "Promises not reached:\n"
        yield from (f"- {note}" for note in notes)
        yield ""


def large(found: Sequence[ProcessorColumn]) -> Iterator[str]:
    if not found:
        return
    yield "## Large systems\n"
    lines = [
        (words, f"≤ {most:g}", *(within(one.large.get(key), most) for one in found))
        for key, (words, most) in LIMITS.items()
        if any(key in one.large for one in found)
    ]
    yield from table(("", "promise", *(one.processor for one in found)), lines)
    for one in found:
        yield from explained(one, one.large)
    if any(one.large.get("ring_restart_percent", 0) > LIMITS["ring_restart_percent"][1] for one in found):
        yield f"{NOTES['events']}\n"
    if any(one.large.get("trace_factor", 0) > LIMITS["trace_factor"][1] for one in found):
        yield f"{NOTES['trace']}\n"


def within(value: float | None, most: float) -> str:
    return "" if value is None else f"{value:g}" if value <= most else f"**{value:g}**"


def explained(column: ProcessorColumn, soak: dict[str, Any]) -> Iterator[str]:
    """Yield what the figures of the soak test mean on one processor."""
    sentences: list[str] = []
    if "servers" in soak:
        sentences.append(
            f"{soak['servers']:,} servers with an int state under one `DynamicSupervisor`, {soak['bytes_per_server']} "
            f"bytes each; then {soak['seconds']:g} s of 1,000 casts a second and {soak['kills']:,} kills, collector "
            f"included, with {100 * soak['cpu_share']:.0f} % of the core. Lateness of a 5 ms timer: "
            f"p50 {soak['load_lateness_p50_ms']:g} ms."
        )
    if "messages_per_second" in soak:
        sentences.append(
            f"Full message load is 20 ping-pong pairs, 10 callers and 10 flooders, "
            f"{soak['messages_per_second'] / 1e6:.1f} million messages a second; beside it a 1 ms timer is late by "
            f"{soak['drain_lateness_p50_ms']:g} ms and an echo over TCP takes {soak['drain_echo_p50_ms']:g} ms (p50)."
        )
    if "trace_ns_per_event" in soak:
        sentences.append(
            f"Tracing everything is {soak['trace_events_per_message']:g} events a message of "
            f"{soak['trace_ns_per_event']} ns each, and calls go through the queue; without a reader it costs nothing."
        )
    if sentences:
        yield f"*{column.processor}*: {' '.join(sentences)}\n"


def all_ratios(found: Sequence[ProcessorColumn]) -> Iterator[str]:
    yield "## All workloads\n"
    newest = found[-1]
    if len(found) > 1:
        yield f"Ratio of this library to {ERLANG}, by processor; below 1 is faster.\n"
        named = dict.fromkeys(workload for one in reversed(found) for workload in one.ratios)
        yield from table(
            ("one operation", *(f"{one.processor}, {one.ours}" for one in found)),
            [(describe(workload), *(short(one.ratio(workload)) for one in found)) for workload in named],
        )
    yield (
        f"All programs on {newest.processor}: ratio to {newest.base}, below 1 is faster, and nanoseconds for one "
        "operation.\n"
    )
    yield from table(
        ("one operation", *newest.versions, f"{newest.ours}, ns"),
        [
            (
                workload if len(found) > 1 else describe(workload),
                *(short(newest.ratio(workload, peer)) for peer in newest.versions),
                nanoseconds(newest.nanoseconds.get(workload)),
            )
            for workload in newest.ratios
        ],
    )


def describe(workload: str) -> str:
    return f"{workload}: {WORDS[workload]}" if workload in WORDS else workload


def memory(newest: ProcessorColumn) -> Iterator[str]:
    yield "Resident bytes of one idle process.\n"
    kinds = [kind for kind in ("idle_server", "idle_coro") if newest.bytes.get(kind)]
    yield from table(
        ("", *newest.versions),
        [
            (
                kind,
                *(f"{newest.bytes[kind][peer]:.0f}" if peer in newest.bytes[kind] else "" for peer in newest.versions),
            )
            for kind in kinds
        ],
    )


def own_times(newest: ProcessorColumn) -> Iterator[str]:
    profile = newest.profile
    if not profile:
        return
    yield "## Profile\n"
    yield (
        f"`{profile['workload']}` misses its promise by the most. Its functions by self time, measured by `cProfile`, "
        "which overstates the cost of small functions:\n"
    )
    lines = [(f"{share:.1%}", f"{calls:.1f}", f"`{function}`") for share, calls, function in profile["rows"]]
    yield from table(("self time", "calls each", "function"), lines, right=(0, 1))


def reading(newest: ProcessorColumn) -> Iterator[str]:
    yield "## How to read it\n"
    yield from (f"- {note}" for note in READING)
    spreads = [f"{peer} {percent(newest.call_spreads.get(peer))}" for peer in newest.versions]
    yield f"- Spread (distance of the quartiles by the median) of `call`: {', '.join(spreads)}."
    yield f"- Versions: {'; '.join(f'{peer}: {version}' for peer, version in newest.versions.items())}."


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
