"""Compares a recorded trace with a replayed one and says what differs, step by step.

In an expectation `{"stack": true}`, `{"opaque": ...}` and `{"ref": "?"}` stand for anything; sections named in
`unordered` are compared without order, sections named in `optional` not at all (the corpus' SCHEMA, sections 1 and 6).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

Step = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A section of a step (or the final state, `step` is None) that differs from the recording."""

    step: int | None
    section: str
    expected: Any
    got: Any

    def lines(self) -> list[str]:
        """What a person reads: the section, then its entries, those that agree as well."""
        lines = [f"  {self.section}"]
        if isinstance(self.expected, list) and isinstance(self.got, list):
            return lines + _entries(self.expected, self.got)
        return [*lines, f"    expected {compact(self.expected)}", f"    got      {compact(self.got)}"]


def report(found: list[Difference], steps: list[Step]) -> list[str]:
    """All differences of a replay in lines, under the steps they belong to."""
    lines: list[str] = []
    for step, group in groupby(found, key=lambda difference: difference.step):
        lines.append("final state" if step is None else f"step {step} {compact(steps[step])}")
        for difference in group:
            lines += difference.lines()
    return lines


def compact(term: Any) -> str:
    """JSON in one line."""
    return json.dumps(term, separators=(",", ":"), ensure_ascii=False)


def _entries(expected: list[Any], got: list[Any]) -> list[str]:
    lines: list[str] = []
    for i in range(max(len(expected), len(got))):
        want = compact(expected[i]) if i < len(expected) else "nothing more"
        have = compact(got[i]) if i < len(got) else "nothing more"
        if i < len(expected) and i < len(got) and agrees(expected[i], got[i]):
            lines.append(f"    both     {have}")
        else:
            lines += [f"    expected {want}", f"    got      {have}"]
    return lines


def is_wildcard(term: Any) -> bool:
    """Return whether an expected term is a wildcard."""
    return isinstance(term, dict) and ("opaque" in term or "stack" in term or term.get("ref") == "?")


def agrees(expected: Any, got: Any) -> bool:
    """Return whether a replayed term is the expected one, apart from wildcards."""
    if is_wildcard(expected):
        return True
    if type(expected) is not type(got):
        return False
    if isinstance(expected, list):
        return len(expected) == len(got) and all(map(agrees, expected, got))
    if isinstance(expected, dict):
        return expected.keys() == got.keys() and all(agrees(value, got[key]) for key, value in expected.items())
    return bool(expected == got)


def _matching(candidates: list[list[int]], count: int) -> bool:
    """Return whether expected entries can be paired with different replayed entries (augmenting paths)."""
    owner: list[int | None] = [None] * count

    def place(entry: int, tried: set[int]) -> bool:
        for slot in candidates[entry]:
            if slot in tried:
                continue
            tried.add(slot)
            holder = owner[slot]
            if holder is None or place(holder, tried):
                owner[slot] = entry
                return True
        return False

    return all(place(entry, set()) for entry in range(len(candidates)))


def same_entries(expected: list[Any], got: list[Any], ordered: bool) -> bool:
    """Return whether two sections agree, in order or as multisets."""
    if len(expected) != len(got):
        return False
    if all(map(agrees, expected, got)):
        return True
    if ordered:
        return False
    return _matching([[i for i, have in enumerate(got) if agrees(want, have)] for want in expected], len(got))


def _sections(expected: Step, got: Step) -> Iterator[tuple[str, list[Any], list[Any]]]:
    yield "life", expected.get("life", []), got.get("life", [])
    for group in ("procs", "exits"):
        wanted, had = expected.get(group, {}), got.get(group, {})
        for name in sorted(wanted.keys() | had.keys()):
            yield f"{group}.{name}", wanted.get(name, []), had.get(name, [])


def differences(record: dict[str, Any], steps: list[Step], final: Any) -> Iterator[Difference]:
    """All differences of a replay to its record, the earliest first."""
    for i, expected in enumerate(record["expected"]):
        if i >= len(steps):
            yield Difference(i, "step", expected, "nothing: the replay ended before")
            return
        unordered, optional = expected.get("unordered", ()), expected.get("optional", ())
        for section, want, have in _sections(expected, steps[i]):
            if section not in optional and not same_entries(want, have, section not in unordered):
                yield Difference(i, section, want, have)
    if record["final"] != final:
        yield Difference(None, "alive, registered", record["final"], final)
