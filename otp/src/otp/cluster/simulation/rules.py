"""The rules R1 to R9 for a history, each as a function of its events.

R5 and R8 read what the simulator records of each connection and member; R1, R2, R3 and R7 read registrations and the
views at each convergence; R4 reads the starts and ends of children, R9 the terms of planned moves. R6 reads what
happens to leases, and the messages that a test has noted:

```
lease_acquired lease_ended        table, key, pid, epoch; of a child with the pid of its supervisor
handling                          table, key, pid         noted by a test: a message begins
handed_over taken_over            supervisor, id, term; pid of the process that handed it over
```

Source: part 43 of the design, *History rules*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, combinations
from typing import Any, Final, NamedTuple

from otp.cluster.simulation.history import Event, Violation

__all__ = ["RULES", "check_history"]

GLOBAL: Final = "global"
"""The table of `Global`, whose entries are the names of a view; other tables are registries."""
_LOST: Final = ("timeout", "connection_lost")
_RESTARTED: Final = ("permanent", "transient")
_FAULTS: Final = frozenset(
    {"killed", "stopped", "stalled", "resumed", "cut", "drop", "delay", "heal", "member_up", "member_down"}
)
"""Events that restart the time limit of a lost child, as does a stall of all members that know it."""


def check_history(events: Sequence[Event]) -> list[Violation]:
    """Return how a history breaks the rules, the earliest first.

    >>> check_history([Event(1.0, "n1", "member_down", {"of": "n2", "incarnation": 1, "reason": "timeout"})])
    [Violation(rule='R8', at=1.0, key='n2', text='n1 received MemberDown of n2#1, which was not up')]
    """
    found = [violation for rule in RULES.values() for violation in rule(events)]
    return sorted(found, key=lambda violation: violation.at)


# Registrations


class _Claim(NamedTuple):
    """A registration: its table and key, and the plain pid of its owner."""

    table: Any
    key: Any
    pid: tuple[str, int, int]
    unique: bool = True
    """False if several processes may share the key."""


class _Claims:
    """The registrations that should stand, from the events so far, and how the others ended."""

    def __init__(self) -> None:
        self.standing: dict[_Claim, float] = {}
        self.lost_to: dict[_Claim, _Claim] = {}
        self.known: set[_Claim] = set()

    def read(self, event: Event) -> None:
        """Update the state with one event."""
        data = event.data
        match event.kind:
            case "registered":
                claim = _claim_of(data)
                self.known.add(claim)
                self.lost_to.pop(claim, None)
                self.standing[claim] = event.at
            case "unregistered" | "owner_ended" | "replaced" | "moved":
                self.standing.pop(_claim_of(data), None)
            case "conflict":
                claim = _claim_of(data)
                self.standing.pop(claim, None)
                self.lost_to[claim] = _Claim(claim.table, claim.key, _pid(data["winner"]))
            case "killed" | "stopped":
                of = (data["of"], data["incarnation"])
                self.standing = {claim: at for claim, at in self.standing.items() if claim.pid[:2] != of}
            case _:
                pass


def _claim_of(data: dict[str, Any]) -> _Claim:
    return _Claim(data["table"], data["key"], _pid(data["pid"]), data.get("unique", True))


def _pid(value: Any) -> tuple[str, int, int]:
    node, incarnation, number = value
    return node, incarnation, number


def _has_owner(view: dict[str, Any], claim: _Claim) -> bool:
    """Return whether a member has the claim's key, or its owner if keys are duplicate, or lacks the table."""
    if claim.table == GLOBAL:
        return claim.key in view.get("names", {})
    kind, name = claim.table
    table = view.get("registries" if kind == "registry" else "supervisors", {}).get(name)
    if table is None or claim.unique:
        return table is None or claim.key in table
    return claim.pid in table.get(claim.key, ())


def _sees(view: dict[str, Any], pid: tuple[str, int, int]) -> bool:
    return view["members"].get(pid[0]) == pid[1]


def _convergences(events: Iterable[Event]) -> Iterator[tuple[Event, _Claims]]:
    claims = _Claims()
    for event in events:
        claims.read(event)
        if event.kind == "converged":
            yield event, claims


def one_owner(events: Sequence[Event]) -> Iterator[Violation]:
    """R1: after convergence a key has one owner among connected members."""
    for event, claims in _convergences(events):
        views = event.data["views"]
        by_key: defaultdict[Any, list[_Claim]] = defaultdict(list)
        for claim in claims.standing:
            if claim.unique and claim.pid[0] in views:
                by_key[claim[:2]].append(claim)
        for one, other in chain.from_iterable(combinations(found, 2) for found in by_key.values()):
            if _sees(views[one.pid[0]], other.pid) and _sees(views[other.pid[0]], one.pid):
                text = f"{_text(one.pid)} and {_text(other.pid)} own it, on members that are connected"
                yield Violation("R1", event.at, one.key, text)


def end_for_a_cause(events: Sequence[Event]) -> Iterator[Violation]:
    """R2: a registration ends by unregister, its owner's end or a lost conflict only."""
    for event, claims in _convergences(events):
        for claim in claims.standing:
            for member, view in event.data["views"].items():
                if _sees(view, claim.pid) and not _has_owner(view, claim):
                    text = f"{member} has no owner of it, though {_text(claim.pid)} registered it and did not end"
                    yield Violation("R2", event.at, claim.key, text)


def older_formation_survives(events: Sequence[Event]) -> Iterator[Violation]:
    """R3: when two clusters meet for the first time, the older one keeps its names."""
    claims, times = _Claims(), dict[_Claim, int]()
    late: set[tuple[_Claim, _Claim]] = set()
    """Pairs of a claim and one of the older cluster that it met, against which it must not win."""
    for event in events:
        claims.read(event)
        if event.kind == "registered":
            times[_claim_of(event.data)] = event.data.get("time", 0)
        elif event.kind == "adopted":
            met, time = event.data["of"], event.data["time"]
            late = {(one, other) for one, other in late if other.pid[0] != event.member}
            mine = [one for one in claims.standing if one.pid[0] == event.member]
            theirs = [one for one in claims.standing if one.pid[0] == met and times[one] <= time]
            late |= {(one, other) for one in mine for other in theirs if one[:2] == other[:2]}
        elif event.kind == "conflict":
            loser = _claim_of(event.data)
            winner = claims.lost_to[loser]
            if (winner, loser) in late:
                text = f"{_text(loser.pid)} lost it to {_text(winner.pid)}, whose cluster was younger"
                yield Violation("R3", event.at, loser.key, text)


def one_survivor(events: Sequence[Event]) -> Iterator[Violation]:
    """R3: a conflict has one survivor, which the loser's reason names."""
    claims = _Claims()
    for event in events:
        claims.read(event)
        if event.kind != "conflict":
            continue
        loser = _claim_of(event.data)
        winner = claims.lost_to[loser]
        if winner not in claims.known:
            text = f"{_text(loser.pid)} lost it to {_text(winner.pid)}, which never registered it"
            yield Violation("R3", event.at, loser.key, text)
        seen = [loser]
        while winner in claims.lost_to and winner not in seen:
            seen.append(winner)
            winner = claims.lost_to[winner]
        if winner in seen:
            text = f"no owner is left: {_text(seen[-1].pid)} lost it, too, in the end to {_text(winner.pid)}"
            yield Violation("R3", event.at, loser.key, text)


def equal_tables(events: Sequence[Event]) -> Iterator[Violation]:
    """R7: after convergence, members that see the same members have equal tables."""
    for event in events:
        if event.kind != "converged":
            continue
        for (one, view), (other, its) in combinations(event.data["views"].items(), 2):
            if view["members"] != its["members"]:
                continue
            for table, here, there in _tables_of_both(view, its):
                for key in sorted(here.keys() | there.keys(), key=repr):
                    if here.get(key) != there.get(key):
                        text = f"{table} of {one} has {here.get(key)}, that of {other} has {there.get(key)}"
                        yield Violation("R7", event.at, key, text)


def _tables_of_both(view: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for kind in ("names", "groups"):
        yield kind, view.get(kind, {}), other.get(kind, {})
    for kind, one in (("registries", "registry"), ("supervisors", "supervisor")):
        here, there = view.get(kind, {}), other.get(kind, {})
        for name in sorted(here.keys() & there.keys()):
            yield f"{one} {name}", here[name], there[name]


# Connections and members


class _Received:
    """The signals that one member has received from another name."""

    def __init__(self) -> None:
        self.incarnation: int | None = None
        """The connected incarnation."""
        self.highest = 0
        self.is_member = False
        self.losses = 0
        """Number of times that it was not a member, when signals may be lost."""
        self.last: dict[tuple[int, int], tuple[int, int]] = {}
        """For each incarnation and sender the number of the last signal, and the losses so far."""


def signals_in_order(events: Sequence[Event]) -> Iterator[Violation]:
    """R5: signals of a pair arrive in order and once; none is lost without `MemberDown`; none of an old incarnation."""
    received: defaultdict[tuple[str, str], _Received] = defaultdict(_Received)
    for event in events:
        data, of = event.data, event.data.get("of")
        pair = received[event.member, of] if of is not None else _Received()
        match event.kind:
            case "killed" | "stopped":
                for key in [key for key in received if key[0] == of]:
                    del received[key]
            case "member_up":
                pair.is_member = True
            case "member_down":
                pair.is_member = False
                pair.losses += 1
            case "connected":
                pair.incarnation = data["incarnation"]
                pair.highest = max(pair.highest, data["incarnation"])
                pair.losses += not pair.is_member
            case "disconnected":
                pair.incarnation = None
            case "received":
                incarnation, sender, number = data["incarnation"], data["sender"], data["number"]
                last, losses = pair.last.get((incarnation, sender), (0, -1))
                if incarnation < pair.highest or pair.incarnation != incarnation:
                    what = "of an old incarnation" if incarnation < pair.highest else "without a connection"
                    yield Violation(
                        "R5", event.at, of, f"{event.member} received a signal of {of}#{incarnation} {what}"
                    )
                elif number <= last:
                    text = f"{event.member} received signal {number} of {of}#{incarnation} after signal {last}"
                    yield Violation("R5", event.at, of, text)
                elif number > last + 1 and losses == pair.losses:
                    text = (
                        f"{event.member} received signal {number} of {of}#{incarnation} after {last}, and no MemberDown"
                    )
                    yield Violation("R5", event.at, of, text)
                pair.last[incarnation, sender] = (number, pair.losses)
            case _:
                pass


def up_and_down_alternate(events: Sequence[Event]) -> Iterator[Violation]:
    """R8: `MemberUp` and `MemberDown` alternate, and each `Down` comes before them."""
    up: dict[tuple[str, str], int] = {}
    for event in events:
        data, of = event.data, event.data.get("of", "")
        key = (event.member, of)
        match event.kind:
            case "killed" | "stopped":
                up = {(member, name): seen for (member, name), seen in up.items() if member != of}
            case "member_up":
                if key in up:
                    text = f"{event.member} received MemberUp of {of}#{data['incarnation']} while #{up[key]} was up"
                    yield Violation("R8", event.at, of, text)
                up[key] = data["incarnation"]
            case "member_down":
                if up.pop(key, None) != data["incarnation"]:
                    text = f"{event.member} received MemberDown of {of}#{data['incarnation']}, which was not up"
                    yield Violation("R8", event.at, of, text)
                if data.get("ties"):
                    text = f"{event.member} received MemberDown of {of} before {data['ties']} Down or exit signals"
                    yield Violation("R8", event.at, of, text)
            case _:
                pass


# Supervisors and leases


class _Child(NamedTuple):
    supervisor: str
    id: Any


class _Children:
    """The running and missing children, and the members that know of them, after the events so far."""

    def __init__(self) -> None:
        self.limit = 0.0
        self.running: defaultdict[_Child, dict[tuple[str, int, int], str]] = defaultdict(dict)
        self.known: defaultdict[_Child, dict[str, set[tuple[str, int]]]] = defaultdict(dict)
        """For each member that has started a child, the members that know of that start."""
        self.missing: dict[_Child, float] = {}
        self.finders: dict[_Child, set[tuple[str, int]]] = {}
        """The members that know of a missing child."""
        self.stalled: set[tuple[str, int]] = set()

    def read(self, event: Event) -> None:
        """Update the state with one event."""
        data = event.data
        match event.kind:
            case "began":
                self.limit = data["dead"] + data["heartbeat"] + data["settle"] + 1 + data.get("lease_ttl", 0)
            case "child_started":
                child = _Child(data["supervisor"], data["id"])
                self.running[child][_pid(data["pid"])] = data.get("restart", "permanent")
                self.missing.pop(child, None)
            case "child_kept":
                known = self.known[_Child(data["supervisor"], data["id"])].setdefault(event.member, set())
                known.update((name, number) for name, number in data["on"])
            case "child_ended":
                child = _Child(data["supervisor"], data["id"])
                if self.running[child].pop(_pid(data["pid"]), None) == "temporary":
                    self.known[child].pop(event.member, None)  # none of them starts it elsewhere
            case "child_forgotten":
                self._forget(_Child(data["supervisor"], data["id"]))
            case "unregistered" | "moved" if data["table"][0] == "supervisor":  # on one side, perhaps of a partition
                self._forget(_Child(data["table"][1], data["key"]))
            case "conflict" if data["table"][0] == "supervisor":
                self.known[_Child(data["table"][1], data["key"])].pop(event.member, None)
            case "killed" | "stopped":
                self._lose((data["of"], data["incarnation"]), event)
            case "stalled":
                self.stalled.add((data["of"], data["incarnation"]))
            case "resumed":
                self.stalled.discard((data["of"], data["incarnation"]))
            case _:
                pass
        for child in self.missing:
            if event.kind in _FAULTS or self.finders[child] <= self.stalled:
                self.missing[child] = event.at

    def _forget(self, child: _Child) -> None:
        self.missing.pop(child, None)
        self.known.pop(child, None)

    def _lose(self, member: tuple[str, int], event: Event) -> None:
        for finders in chain(self.finders.values(), *(known.values() for known in self.known.values())):
            finders.discard(member)
        for child, pids in self.running.items():
            finders = self.known[child].pop(member[0], set())
            for pid in [pid for pid in pids if pid[:2] == member]:
                if pids.pop(pid) in _RESTARTED and event.kind == "killed" and not pids and finders:
                    self.missing[child], self.finders[child] = event.at, finders
        for child in [child for child in self.missing if not self.finders[child]]:
            del self.missing[child]  # the members that knew it are gone as well


def children_come_back(events: Sequence[Event]) -> Iterator[Violation]:
    """R4: permanent children of a lost member run in time after the last fault, and only once after convergence."""
    children = _Children()
    for event in events:
        for child, since in list(children.missing.items()):
            late = event.at > since + children.limit
            if late or event.kind == "converged":
                del children.missing[child]
                after = f"{children.limit:g} s after its member was lost" if late else "though all members agree"
                at = since + children.limit if late else event.at
                yield Violation("R4", at, child, f"no member runs it {after}")
        children.read(event)
        if event.kind == "converged":
            yield from _run_once(event, children.running)


def _run_once(event: Event, running: dict[_Child, dict[tuple[str, int, int], str]]) -> Iterator[Violation]:
    views = event.data["views"]
    for child, pids in running.items():
        for one, other in combinations(pids, 2):
            if one[0] in views and _sees(views[one[0]], other):
                text = f"{_text(one)} and {_text(other)} run, on members that are connected"
                yield Violation("R4", event.at, child, text)


def leases_exclude(events: Sequence[Event]) -> Iterator[Violation]:
    """R6: no owner begins to handle a message while another one holds the key, and epochs only grow.

    A child whose id has a lease never runs twice, also not on members that do not see each other. One on a stalled
    member does not run: it ends before it handles a message.
    """
    holders: dict[tuple[Any, Any], Any] = {}
    epochs: dict[tuple[Any, Any], int] = {}
    running: defaultdict[tuple[Any, Any], set[Any]] = defaultdict(set)
    for event in events:
        data = event.data
        key = (data.get("table", ""), data.get("key"))
        child = (("supervisor", data.get("supervisor")), data.get("id"))
        match event.kind:
            case "child_started" if child in epochs:
                for pid in running[child]:
                    yield Violation("R6", event.at, child, f"{_text(data['pid'])} starts while {_text(pid)} runs")
                running[child].add(_pid(data["pid"]))
            case "child_ended":
                running[child].discard(_pid(data["pid"]))
            case "killed" | "stopped" | "stalled":
                for pids in running.values():
                    pids -= {pid for pid in pids if pid[:2] == (data["of"], data["incarnation"])}
            case "lease_acquired":
                if data["epoch"] <= epochs.get(key, data["epoch"] - 1) and holders.get(key) != data["pid"]:
                    text = f"{_text(data['pid'])} got epoch {data['epoch']} after epoch {epochs[key]}"
                    yield Violation("R6", event.at, key, text)
                epochs[key], holders[key] = data["epoch"], data["pid"]
            case "lease_ended":
                if holders.get(key) == data["pid"]:
                    del holders[key]
            case "handling":
                holder = holders.get(key, data["pid"])
                if holder != data["pid"]:
                    text = f"{_text(data['pid'])} begins to handle a message while {_text(holder)} holds it"
                    yield Violation("R6", event.at, key, text)
            case _:
                pass


def terms_arrive_once(events: Sequence[Event]) -> Iterator[Violation]:
    """R9: a term that was handed over arrives at most once, unchanged."""
    terms: dict[tuple[_Child, Any], Any] = {}
    for event in events:
        if event.kind not in ("handed_over", "taken_over"):
            continue
        child = _Child(event.data["supervisor"], event.data["id"])
        key, term = (child, event.data.get("pid")), event.data["term"]
        if event.kind == "handed_over":
            terms[key] = term
        elif key not in terms:
            yield Violation("R9", event.at, child, f"it took over {term!r:.100}, which was not handed over before")
        elif (given := terms.pop(key)) != term:
            yield Violation("R9", event.at, child, f"it took over {term!r:.100}, handed over was {given!r:.100}")


def _text(pid: Any) -> str:
    node, incarnation, number = pid
    return f"<0.{number}.0> of {node}#{incarnation}"


RULES: Final[dict[str, Callable[[Sequence[Event]], Iterator[Violation]]]] = {
    "R1": one_owner,
    "R2": end_for_a_cause,
    "R3": lambda events: chain(one_survivor(events), older_formation_survives(events)),
    "R4": children_come_back,
    "R5": signals_in_order,
    "R6": leases_exclude,
    "R7": equal_tables,
    "R8": up_and_down_alternate,
    "R9": terms_arrive_once,
}
"""The rules by name."""
