"""Write `docs/web-performance.md`: latency and cost of the live pages.

python -m benchmarks.web_report
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.machine import sentence
from benchmarks.peers import ROOT
from benchmarks.report import read

PAGE = ROOT / "docs" / "web-performance.md"
PROMISED: Final = 1.2

LINES = (
    ("event to DOM, ms", "event_p50", "event_p95"),
    ("event to the picture that shows it, ms", "picture_p50", "picture_p95"),
    ("click to first feedback, ms", "click_p50", "click_p95"),
    ("click to confirmed state, ms", "settled_p50", "settled_p95"),
    ("lag of the loop p50 / p99, ms", "lag_p50", "lag_p99"),
)
SINGLE = (
    ("CPU of the server, over the events alone, % of a core", "cpu_over_idle"),
    ("kB a second for each viewer", "kb_per_second_and_viewer"),
    ("MiB for each viewer", "mib_per_viewer"),
)


def main() -> int:
    web = read("web")
    if web is None:
        print("nothing measured yet: make bench-web", file=sys.stderr)
        return 1
    PAGE.write_text("\n".join(page(web, read("web_crowd"), read("web_budget"))).rstrip() + "\n", encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


def page(web: dict[str, Any], crowd: dict[str, Any] | None, budget: dict[str, Any] | None) -> Iterator[str]:
    yield "# What the pages cost\n"
    yield (
        "Server, browser and viewers share the same two cores here, and the browser draws with software: a laptop is "
        "faster. The page is written by `make bench-web`; by hand nothing is changed in it. Measured on "
        f"{where(web['machine'])}.\n"
    )
    yield from beside_the_prototype(web)
    if crowd is not None:
        yield from very_many(crowd)
    if budget is not None:
        yield from one_reader(budget)
    starts = web["start_seconds"]
    yield "## Start\n"
    yield (
        "From the start of `superlearner run` to the first good answer of `/health/ready`: "
        f"{statistics.median(starts):.2f} s (median of {len(starts)}).\n"
    )


def where(at: dict[str, Any]) -> str:
    """Return a description of the machine."""
    virtual = ", a virtual machine" if at["virtual"] else ""
    return sentence(at, virtual, f", {at['memory_gib']} GiB, {at['system']}")


def beside_the_prototype(web: dict[str, Any]) -> Iterator[str]:
    """Yield medians of the rounds, a column per stack, and the ratio if there are two."""
    rows = [row | {"cpu_over_idle": row["cpu"] - row["idle_cpu"]} for row in web["rows"]]
    stacks = list(dict.fromkeys(row["stack"] for row in rows))

    def middle(stack: str, key: str) -> float | None:
        values = [row[key] for row in rows if row["stack"] == stack and key in row]
        return statistics.median(values) if values else None

    def both(stack: str, one: str, other: str) -> str:
        first, second = middle(stack, one), middle(stack, other)
        return "" if first is None or second is None else f"{first:.3g} / {second:.3g}"

    def ratio(*keys: str) -> list[str]:
        if len(stacks) < 2:
            return []
        return [" / ".join("" if found is None else f"{found:.2f}" for found in map(middle_ratio, keys))]

    def middle_ratio(key: str) -> float | None:
        one, other = ([row.get(key) for row in rows if row["stack"] == stack] for stack in stacks[:2])
        found = [a / b for a, b in zip(one, other, strict=False) if a is not None and b]
        return statistics.median(found) if found else None

    yield "## The supervision tree\n"
    yield (
        f"{web['viewers']} viewers in Chromium, 300 processes, {web['rate']} events a second (half of them crashes, "
        f"half restarts), {web['seconds']:g} s a "
        "round, the stacks in turns; p50 / p95. *prototype* is the design's own sketch of this page, with a made-up "
        f"world instead of processes; promised is at most {PROMISED} times its figures. The ratio is the middle one of "
        f"those of the rounds. Load of the machine when a round began: {loads(rows)}.\n"
    )
    head = [*stacks, *(["ratio"] if len(stacks) > 1 else [])]
    yield f"| | {' | '.join(head)} |"
    yield f"|---|{'---:|' * len(head)}"
    for words, *keys in LINES:
        yield f"| {words} | {' | '.join([*(both(stack, *keys) for stack in stacks), *ratio(*keys)])} |"
    for words, key in SINGLE:
        values = [middle(stack, key) for stack in stacks]
        shown = ["" if value is None else f"{value:.2g}" for value in values]
        yield f"| {words} | {' | '.join([*shown, *ratio(key)])} |"
    yield ""
    above = [
        (words, found) for words, *keys in (*LINES, *SINGLE) if (found := middle_ratio(keys[0])) and found > PROMISED
    ]
    if len(stacks) > 1 and above:
        yield f"Not reached: {', '.join(f'{words} ({found:.2f})' for words, found in above)}.\n"


def loads(rows: list[dict[str, Any]]) -> str:
    """Return the lowest and the highest load."""
    found = [row["load"] for row in rows]
    return f"{min(found):g} to {max(found):g}"


def very_many(measured: dict[str, Any]) -> Iterator[str]:
    """Yield results of a browser with very many processes, and of many viewers."""
    crowd, many = measured["crowd"], measured["many"]
    yield f"## {measured['workers']:,} processes\n"
    yield (
        f"One viewer, list and map together, {measured['rate']} events a second. The first picture is there after "
        f"{crowd['until_shown_s']:g} s ({crowd['snapshot_kb']:,} kB).\n"
    )
    yield "| | frames a second | frame p95, ms | longest, ms |"
    yield "|---|---:|---:|---:|"
    for words, key in (
        ("nothing happens", "idle"),
        ("events", "events"),
        ("events, and the list scrolls", "scrolling"),
    ):
        one = crowd[key]
        yield f"| {words} | {one['frames_per_second']:g} | {one['frame_p95_ms']:g} | {one['frame_worst_ms']:g} |"
    yield (
        f"\nMeanwhile the server takes {crowd['server_cpu']:g} % of a core, its loop is late by "
        f"{crowd['lag_p50']:g} ms (p50) and {crowd['lag_p99']:g} ms (p99). Heap of the page: "
        f"{crowd['heap_mib']:g} MiB.\n"
    )
    yield f"## {many['viewers']} viewers\n"
    yield (
        f"300 processes, 20 events a second, {many['viewers']} readers of the feed: {many['cpu']:g} % of a core "
        f"({many['cpu_without']:g} % without any), {many['kb_per_second_and_viewer']:g} kB a second and "
        f"{many['mib_per_viewer']:g} MiB for each; the loop is late by {many['lag_p50']:g} ms (p50) and "
        f"{many['lag_p99']:g} ms (p99).\n"
    )


def one_reader(budget: dict[str, Any]) -> Iterator[str]:
    """Yield what one page costs its reader, beside the promised limits."""
    warm, slow = ([first for first, _ in budget[key].values()] for key in ("warm", "warm_slow"))
    played = budget["choreography"]
    yield "## What one page costs its reader\n"
    yield "| | measured | promised |"
    yield "|---|---:|---:|"
    yield f"| first visit of the start page with fonts, kB | {budget['first_visit']['kb']:.0f} | 200 |"
    yield f"| page whose files are there, to its first content, ms | {min(warm):.0f} to {max(warm):.0f} | 100 |"
    yield f"| the same at 50 ms latency, ms | {min(slow):.0f} to {max(slow):.0f} | 250 |"
    for children, one in budget["crashes"].items():
        words = f"{int(children):,} children, 20 crashes a second"
        yield f"| {words}: share of the main thread, % | {one['main_thread']:.0f} | 25 |"
        longest = one["longest_task_ms"]
        yield f"| {words}: longest task, ms | {f'{longest:.0f}' if longest else 'below 50'} | 100 |"
    yield f"| one restart played in the tree: frame p99, ms | {played['tree_p99_ms']:.0f} | 33 |"
    yield f"| one restart played on the start page: frame p99, ms | {played['start_p99_ms']:.0f} | 33 |"
    yield f"| socket at 3,000 children, 20 crashes a second, kB a second | {budget['home_kb_per_second']:.1f} | 5 |"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
