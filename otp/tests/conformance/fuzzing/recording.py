"""Plays scenarios on Erlang/OTP and makes records of them, in the shape of the corpus.

Every scenario is played several times, on different numbers of schedulers, calm and with processes that dawdle.
Sections whose entries come in another order in another run have no order; where the content differs, the scenario
says nothing about the runtime and is left out. Some orders are open although a few runs will not show it: `undecided`
knows them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzzing.scenarios import Scenario

Trace = dict[str, Any]
Record = dict[str, Any]

RUNS = (("calm", 2), ("hurry", 1), ("hurry", 2), ("hurry", 4), ("hurry", 2))
"""How often each scenario is played: the mood, and the number of schedulers."""


def erlang() -> str | None:
    """The path of `erl`, if Erlang/OTP is installed with its compiler."""
    return shutil.which("erl") if shutil.which("erlc") else None


def record(scenarios: list[Scenario], folder: Path) -> tuple[list[Record], list[str]]:
    """Play the scenarios; gives their records, and why the others were left out. `folder`: for files on the way."""
    subprocess.run(["erlc", "-o", str(folder), str(Path(__file__).with_name("judge.erl"))], check=True)
    plays = [_play(scenarios, folder, mood, schedulers) for mood, schedulers in RUNS]
    records: list[Record] = []
    left_out: list[str] = []
    for i, scenario in enumerate(scenarios):
        try:
            records.append(_merged(scenario, [play[i] for play in plays]))
        except Undecided as reason:
            left_out.append(f"{scenario['id']}: {reason}")
    return records, left_out


class Undecided(Exception):
    """Erlang's answers differ from run to run."""


def _play(scenarios: list[Scenario], folder: Path, mood: str, schedulers: int) -> list[Trace]:
    given, played = folder / "given.terms", folder / "played.jsonl"
    given.write_text("".join(f"{_term(scenario)}.\n" for scenario in scenarios), encoding="utf-8")
    command = f'judge:main(["{given}","{played}","{mood}"]), halt(0).'
    subprocess.run(
        ["erl", "-noshell", "-noinput", "+S", str(schedulers), "-pa", str(folder), "-eval", command], check=True
    )
    return [json.loads(line) for line in played.read_text(encoding="utf-8").splitlines()]


def _term(value: Any) -> str:
    """JSON as an Erlang term: objects are maps with atoms for keys, strings are binaries."""
    match value:
        case dict():
            return "#{" + ",".join(f"'{key}' => {_term(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_term, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return f'<<"{value}">>'
        case _:
            return str(value)


def _merged(scenario: Scenario, traces: list[Trace]) -> Record:
    for trace in traces:
        if "error" in trace:
            raise Undecided(f"Erlang did not get to the end: {trace['error']}")
    if any(trace["final"] != traces[0]["final"] for trace in traces):
        raise Undecided("the state at the end differs")
    expected: list[Trace] = []
    for i, step in enumerate(scenario["steps"]):
        seen = [_races_hidden(trace["expected"][i]) for trace in traces]
        made = dict(seen[0])
        optional = _optional(step, made)
        unordered = {name for name in _names(seen) if name not in optional and _permuted(i, name, seen)}
        unordered |= undecided(scenario, made)
        made |= {"unordered": sorted(unordered)} if unordered else {}
        made |= {"optional": sorted(optional)} if optional else {}
        expected.append(made)
    return {"scenario": scenario, "expected": expected, "final": traces[0]["final"]}


def _names(seen: list[Trace]) -> set[str]:
    return {"life"} | {
        f"{part}.{name}" for trace in seen for part in ("procs", "exits") for name in trace.get(part, {})
    }


def _section(trace: Trace, name: str) -> list[Any]:
    part, _, who = name.partition(".")
    return trace.get(part, {}).get(who, []) if who else trace.get(part, [])


def _permuted(step: int, name: str, seen: list[Trace]) -> bool:
    """Return whether the runs show the same entries in different orders."""
    sections = [[json.dumps(entry, sort_keys=True) for entry in _section(trace, name)] for trace in seen]
    if any(sorted(section) != sorted(sections[0]) for section in sections):
        raise Undecided(f"step {step}: {name} differs")
    return any(section != sections[0] for section in sections)


def _dead(trace: Trace) -> set[str]:
    return {entry[0] for section in trace.get("exits", {}).values() for entry in section}


def _failed(trace: Trace) -> set[str]:
    """Return the processes that entered their init callback in this step and did not leave it running."""
    return {entry[1] for entry in trace.get("life", []) if entry[0] == "init" and not _runs(entry[2])}


def _runs(behaviour: Any) -> bool:
    return behaviour in ("ok", "hibernate") or (
        isinstance(behaviour, dict) and bool(behaviour.keys() & {"continue", "timeout"})
    )


def _races_hidden(trace: Trace) -> Trace:
    """Who fails in init tells its starter first and ends then: a supervisor that gives up may be faster to end it."""
    failed, dead = _failed(trace), _dead(trace)
    for strand, section in trace.get("exits", {}).items():
        for entry in section:
            if entry[0] in failed and (dead - failed) and (strand in dead or strand == entry[0]):
                entry[1] = {"opaque": "race"}
    return trace


def _optional(step: dict[str, Any], trace: Trace) -> set[str]:
    """Who dies of its own operation may or may not get to tell what it returned, unless it asked for just that."""
    by = step.get("by", "main")
    if step["op"] == "exit_self" or (step["op"] == "exit_signal" and step["to"] == by):
        return set()
    optional = {f"procs.{name}" for name in _dead(trace) if name.partition("#")[0] == by}
    for entry in trace.get("life", []):  # a supervisor may stop it before or after its continue
        if entry[0] == "init" and isinstance(entry[2], dict) and "continue" in entry[2] and entry[1] in _dead(trace):
            optional.add(f"procs.{entry[1]}")
    return optional


def undecided(scenario: Scenario, trace: Trace) -> set[str]:
    """Sections that have no order in Erlang, whatever the runs showed."""
    life, exits = trace.get("life", []), trace.get("exits", {})
    found = {f"procs.{name}" for name, entries in trace.get("procs", {}).items() if _count_ends(entries) > 1}
    supervisors, dynamic = set(_supervisors(scenario)), set(_dynamic(scenario))
    killed = any(_key(e[0]) in supervisors and e[1] == ":killed" for section in exits.values() for e in section)
    free = scenario.get("links", False) or killed or bool(_failed(trace)) or _ends_by_itself(life)
    stopped = {e[1] for e in life if e[0] == "terminate" and _key(e[1]) in dynamic}
    if free or len(stopped) > 1 or _several_alone(scenario, life):
        found.add("life")
        found |= {f"exits.{name}" for name in exits}
    return found


def _count_ends(entries: list[Any]) -> int:
    """Return how many messages of the runtime (ends of processes) a process got in one step."""
    told = 0
    for entry in entries:
        if (
            entry[0] in ("msg", "info")
            and isinstance(entry[1], dict)
            and entry[1].get("t", [None])[0] in (":EXIT", ":DOWN")
        ):
            told += 1
    return told


def _ends_by_itself(life: list[Any]) -> bool:
    """A child whose continue stops it ends while its supervisor goes on."""
    return any(e[0] == "init" and isinstance(e[2], dict) and isinstance(e[2].get("continue"), dict) for e in life)


def _several_alone(scenario: Scenario, life: list[Any]) -> bool:
    """Several processes live or die in one step, and one of them is nobody's child."""
    alone = {step["as"] for step in scenario["steps"] if step["op"] == "start_server"}
    names = {entry[1] for entry in life}
    return len(names) > 1 and any(_key(name) in alone for name in names)


def _key(name: str) -> str:
    return name.partition("#")[0]


def _children(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for child in spec.get("children", []):
        yield child
        yield from _children(child.get("start", {}))


def _specs(scenario: Scenario) -> Iterator[dict[str, Any]]:
    for step in scenario["steps"]:
        if step["op"] == "start_sup":
            yield from _children(step["spec"])
        elif "child" in step:
            yield step["child"]
            yield from _children(step["child"].get("start", {}))


def _supervisors(scenario: Scenario) -> Iterator[str]:
    yield from (step["as"] for step in scenario["steps"] if step["op"] == "start_sup")
    yield from (child["id"] for child in _specs(scenario) if child.get("type") == "supervisor")


def _dynamic(scenario: Scenario) -> Iterator[str]:
    yield from (step["args"][0]["key"] for step in scenario["steps"] if "args" in step)
