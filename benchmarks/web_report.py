"""The part of the page that tells of the web: what a viewer sees and what that costs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

__all__ = ["section"]

LINES = (
    ("event to DOM, ms", "event_p50", "event_p95"),
    ("click to first feedback, ms", "click_p50", "click_p95"),
    ("click to confirmed state, ms", "settled_p50", "settled_p95"),
    ("lag of the loop p50 / p99, ms", "lag_p50", "lag_p99"),
)


def section(web: dict[str, Any]) -> Iterator[str]:
    """Medians of the rounds, one column a stack."""
    stacks = list(dict.fromkeys(row["stack"] for row in web["rows"]))

    def middle(stack: str, key: str) -> float | None:
        values = [row[key] for row in web["rows"] if row["stack"] == stack and key in row]
        return statistics.median(values) if values else None

    def both(stack: str, one: str, other: str) -> str:
        first, second = middle(stack, one), middle(stack, other)
        return "" if first is None or second is None else f"{first:.3g} / {second:.3g}"

    def figure(stack: str, key: str, minus: str | None = None) -> str:
        value, less = middle(stack, key), 0.0 if minus is None else middle(stack, minus)
        return "" if value is None or less is None else f"{value - less:.2g}"

    yield "## The page\n"
    yield (
        f"{web['viewers']} viewers in Chromium on the same two cores, 300 processes, {web['rate']} crashes a second, "
        f"{web['seconds']:g} s a round, the stacks in turns; p50 / p95. *prototype* is the design's own sketch of this "
        "page, with a made-up world instead of processes.\n"
    )
    yield f"| | {' | '.join(stacks)} |"
    yield f"|---|{'---:|' * len(stacks)}"
    for words, one, other in LINES:
        yield f"| {words} | {' | '.join(both(stack, one, other) for stack in stacks)} |"
    yield f"| CPU of the server over idle, % of a core | {' | '.join(figure(s, 'cpu', 'idle_cpu') for s in stacks)} |"
    yield f"| kB a second for each viewer | {' | '.join(figure(s, 'kb_per_second_and_viewer') for s in stacks)} |"
    yield f"| MiB for each viewer | {' | '.join(figure(s, 'mib_per_viewer') for s in stacks)} |\n"
    starts = web["start_seconds"]
    yield (
        f"From the start of `superlearner run` to the first good answer of `/health/ready`: "
        f"{statistics.median(starts):.2f} s (median of {len(starts)}).\n"
    )
