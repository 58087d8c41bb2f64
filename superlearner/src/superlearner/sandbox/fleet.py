"""All sandboxes of a platform as one value, and its transitions.

`after(fleet, event, now)` returns the next fleet and the actions to take. It touches no process, no file and no clock,
so every order of events can be tested; the process around it, `SandboxManager`, only orders and forwards.

    starting ──Started──> running ──Ended──> ended ──Restart──> starting
        │                    │                 │
        └──NotStarted──>     └──Stop──> stopping ──Ended──> gone, ended, or starting (its goal)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from superlearner.sandbox.happenings import (
    Action,
    Change,
    Checked,
    Create,
    Destroy,
    FleetAnswer,
    FleetEvent,
    FleetRefused,
    Forsaken,
    Kill,
    Launch,
    NotReloaded,
    NotStarted,
    ProgramEnded,
    Reload,
    Reloaded,
    Restart,
    Resumed,
    Started,
    StillThere,
    Stop,
    StopAll,
    Tell,
)
from superlearner.sandbox.messages import WRONG_MODULE
from superlearner.sandbox.record import MOST_VERSIONS, Sandbox, Version
from superlearner.sandbox.source import Source

__all__ = ["MOST_ENDED", "Fleet", "after"]

DESTROYED: Final = "it was destroyed"
RESTART: Final = "restart it with this source"
MOST_ENDED: Final = 100
"""Maximum number of ended sandboxes that are listed; the oldest are removed."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The sandboxes by id, and the limit on how many may run at the same time."""

    most: int = 30
    sandboxes: Mapping[str, Sandbox] = field(default_factory=dict[str, Sandbox])

    def put(self, sandbox: Sandbox) -> Fleet:
        """Return the fleet with this sandbox added, or replaced if its id exists."""
        return replace(self, sandboxes={**self.sandboxes, sandbox.id: sandbox})

    def without(self, id: str) -> Fleet:
        """Return the fleet without this sandbox."""
        return replace(self, sandboxes={key: one for key, one in self.sandboxes.items() if key != id})

    @property
    def full(self) -> FleetRefused | None:
        """Return the refusal to start another sandbox; None if there is room."""
        if sum(one.alive for one in self.sandboxes.values()) < self.most:
            return None
        hint = "destroy one, or raise the setting `sandboxes`"
        return FleetRefused("conflict", f"there are {self.most} sandboxes already, which is the limit", hint)


Next = tuple[Fleet, list[Action]]
Happening = Started | NotStarted | ProgramEnded | StillThere | Reloaded | NotReloaded


def after(fleet: Fleet, event: FleetEvent, now: float) -> Next:
    """Return the fleet after an event, and the actions; `now` in seconds since 1970."""
    match event:
        case Create():
            return _create(fleet, event, now)
        case Restart() | Destroy() | Reload():
            sandbox = fleet.sandboxes.get(event.id)
            if sandbox is None:
                return fleet, [FleetAnswer(event.caller, _unknown(fleet, event.id))]
            sandbox = replace(sandbox, used_at=now)
            if isinstance(event, Restart):
                return _restart(fleet, sandbox, event, now)
            return _destroy(fleet, sandbox, event) if isinstance(event, Destroy) else _reload(fleet, sandbox, event)
        case StopAll():
            return _stop_all(fleet, event)
        case Checked():
            return _handle_check(fleet, event, now)
        case Forsaken():
            return _forsaken(fleet, event)
        case Resumed():
            return _resumed(fleet)
        case _:
            sandbox = fleet.sandboxes.get(event.id)
            if sandbox is None or sandbox.run != event.run:
                return fleet, []  # from an earlier program
            return _after_program(fleet, sandbox, event, now)


def _after_program(fleet: Fleet, sandbox: Sandbox, event: Happening, now: float) -> Next:
    """Handle an event from a sandbox's program."""
    match event:
        case Started():
            return _started(fleet, sandbox, event, now)
        case NotStarted():
            stopped = sandbox.status == "stopping"  # a request ended it, not its code
            return _not_started(fleet, sandbox, "conflict" if stopped else event.code, event.reason, now)
        case ProgramEnded():
            return _handle_end(fleet, sandbox, event.reason, now)
        case StillThere():
            return _still_there(fleet, sandbox)
        case Reloaded():
            return _reloaded(fleet, sandbox, event, now)
        case NotReloaded():
            refused = _not_running(sandbox) if event.ended else FleetRefused("upgrade_refused", event.reason)
            sandbox, answers = _answered(replace(sandbox, changing=None), refused, "reload")
            told = Tell("bad", sandbox, f"sandbox {sandbox.id} keeps version {sandbox.current}: {event.reason}")
            return fleet.put(sandbox), [*answers, told]


# Requests


def _create(fleet: Fleet, event: Create, now: float) -> Next:
    if event.id in fleet.sandboxes:
        there = f"there is a sandbox {event.id} already"
        hint = "choose another name, or destroy that one"
        return fleet, [FleetAnswer(event.caller, FleetRefused("sandbox_already_exists", there, hint))]
    if fleet.full is not None:
        return fleet, [FleetAnswer(event.caller, fleet.full)]
    versions = () if event.source is None else (Version(1, event.source, now, event.owner),)
    sandbox = Sandbox(
        event.id, event.owner, event.node, event.configuration, now,
        used_at=now, versions=versions, current=len(versions), ran_by=event.owner,
        waiting=(("create", event.caller),),
    )  # fmt: skip
    admitted = event.admit(sandbox, fleet.sandboxes.values())
    if isinstance(admitted, FleetRefused):
        return fleet, [FleetAnswer(event.caller, admitted)]
    return _with_room(fleet).put(admitted), [Launch(admitted)]


def _restart(fleet: Fleet, sandbox: Sandbox, event: Restart, now: float) -> Next:
    if sandbox.busy is not None:
        return fleet, [FleetAnswer(event.caller, _busy(sandbox))]
    if not sandbox.alive and fleet.full is not None:
        return fleet, [FleetAnswer(event.caller, fleet.full)]
    admitted = event.admit(sandbox, fleet.sandboxes.values())
    if isinstance(admitted, FleetRefused):
        return fleet, [FleetAnswer(event.caller, admitted)]
    sandbox = replace(admitted, ran_by=event.by)
    if event.source is not None:
        sandbox = _with_version(sandbox, event.source, event.by, now)
    sandbox = replace(sandbox, waiting=(*sandbox.waiting, ("restart", event.caller)))
    if not sandbox.alive:
        return _again(fleet, sandbox)
    sandbox = replace(sandbox, status="stopping", goal="start")
    return fleet.put(sandbox), [Stop(sandbox)]


def _destroy(fleet: Fleet, sandbox: Sandbox, event: Destroy) -> Next:
    if not sandbox.alive:
        return fleet.without(sandbox.id), [FleetAnswer(event.caller, sandbox)]
    starts = sandbox.status == "starting"
    sandbox = replace(sandbox, status="stopping", goal="remove", waiting=(*sandbox.waiting, ("destroy", event.caller)))
    if event.force or starts:
        return fleet.put(sandbox), [Kill(sandbox, DESTROYED)]
    return fleet.put(sandbox), [Stop(sandbox)]


def _reload(fleet: Fleet, sandbox: Sandbox, event: Reload) -> Next:
    if sandbox.busy is not None:
        return fleet, [FleetAnswer(event.caller, _busy(sandbox))]
    if not sandbox.alive:
        return fleet, [FleetAnswer(event.caller, _not_running(sandbox))]
    if sandbox.source is not None and sandbox.source.sha256 == event.source.sha256:
        return fleet.put(sandbox), [FleetAnswer(event.caller, None)]
    sandbox = replace(sandbox, changing=event.source, waiting=(*sandbox.waiting, ("reload", event.caller)))
    return fleet.put(sandbox), [Change(sandbox, event.source, event.by)]


# Events of programs


def _started(fleet: Fleet, sandbox: Sandbox, event: Started, now: float) -> Next:
    facts = event.facts
    sandbox = replace(
        sandbox,
        os_pid=facts.os_pid,
        supervisor_pid=facts.supervisor_pid,
        walls=facts.walls,
        warnings=facts.warnings,
        started_at=now,
        stood_still=0.0,
        ended_at=None,
    )
    if sandbox.status != "starting":  # destroyed meanwhile: the kill is already sent
        return fleet.put(sandbox), []
    if not sandbox.versions and facts.source is not None:
        sandbox = replace(sandbox, versions=(Version(1, facts.source, now, sandbox.owner),), current=1)
    sandbox, answers = _answered(replace(sandbox, status="running", reason=None), None, "create", "restart")
    member = sandbox.configuration.member
    where = "" if member is None else f" on {member}"
    return fleet.put(sandbox), [
        *answers,
        Tell("info", sandbox, f"sandbox {sandbox.id} runs as {sandbox.node}{where}{_by(sandbox)}"),
    ]


def _not_started(fleet: Fleet, sandbox: Sandbox, code: str, reason: str, now: float) -> Next:
    if reason.startswith(WRONG_MODULE) and sandbox.restart_count == 0:  # a mistake in the request
        code = "validation_error"
    sandbox, answers = _answered(_over(sandbox, reason, now), FleetRefused(code, reason), "create", "restart", "reload")
    if sandbox.goal == "remove" or sandbox.restart_count == 0:  # it never ran: its id is free again
        _, more = _answered(sandbox, None, "destroy")
        return fleet.without(sandbox.id), [*answers, *more]
    sandbox = replace(sandbox, restart_count=sandbox.restart_count - 1)  # a start that failed is no restart
    return fleet.put(sandbox), [*answers, Tell("bad", sandbox, f"sandbox {sandbox.id} does not start: {reason}")]


def _handle_end(fleet: Fleet, sandbox: Sandbox, reason: str, now: float) -> Next:
    if sandbox.status == "starting":
        return _not_started(fleet, sandbox, "start_failed", reason, now)
    wanted, told = sandbox.status == "stopping", sandbox.reason
    gone = FleetRefused("conflict", f"the sandbox ended meanwhile: {reason}", RESTART)
    sandbox, answers = _answered(_over(sandbox, reason, now), gone, "reload")
    if wanted and sandbox.goal == "start":
        fleet, actions = _again(fleet, sandbox)
        return fleet, [*answers, *actions]
    if wanted and sandbox.goal == "remove":
        if any(kind == "destroy" for kind, _ in sandbox.waiting):
            sandbox = replace(sandbox, reason=DESTROYED)  # rather than how its tree ended
        stopped = FleetRefused("conflict", f"{sandbox.id} was destroyed meanwhile")
        sandbox, refused = _answered(sandbox, stopped, "create", "restart")
        sandbox, done = _answered(sandbox, None, "destroy")
        return fleet.without(sandbox.id), [*answers, *refused, *done]
    if wanted and told is not None:
        sandbox = replace(sandbox, reason=told)  # the reason for the stop, rather than how it ended
    return fleet.put(sandbox), [*answers, Tell("bad", sandbox, f"sandbox {sandbox.id} ended: {sandbox.reason}")]


def _still_there(fleet: Fleet, sandbox: Sandbox) -> Next:
    if sandbox.goal != "remove":
        return fleet, [Kill(sandbox, sandbox.reason or "it did not stop in time")]
    busy = FleetRefused(
        "sandbox_busy", f"{sandbox.id} has not stopped in time; it may still do so", "force=true kills it"
    )
    sandbox, answers = _answered(sandbox, busy, "destroy")
    return fleet.put(sandbox), answers


def _reloaded(fleet: Fleet, sandbox: Sandbox, event: Reloaded, now: float) -> Next:
    if sandbox.changing is None:
        return fleet, []
    changed = replace(sandbox, changing=None, warnings=event.warnings)
    sandbox = _with_version(changed, sandbox.changing, event.by, now)
    sandbox, answers = _answered(sandbox, event.report, "reload")
    told = Tell("info", sandbox, f"sandbox {sandbox.id} runs version {sandbox.current}{_by(sandbox)}")
    return fleet.put(sandbox), [*answers, told]


# Time, owners, a new service


def _handle_check(fleet: Fleet, event: Checked, now: float) -> Next:
    actions: list[Action] = []
    for sandbox in fleet.sandboxes.values():
        limits, used = sandbox.configuration.limits, max(sandbox.used_at, event.used.get(sandbox.id, 0.0))
        used = min(now, used + event.stood_still)
        if event.stood_still:
            sandbox = replace(sandbox, stood_still=sandbox.stood_still + event.stood_still)
            fleet = fleet.put(sandbox)
        if sandbox.status != "running" or sandbox.busy is not None:
            continue
        why = None
        if limits.idle_s and now - used >= limits.idle_s:
            why = f"it was idle for {_span(limits.idle_s)}"
        elif limits.lifetime_s and now - (sandbox.started_at or now) - sandbox.stood_still >= limits.lifetime_s:
            why = f"it ran for {_span(limits.lifetime_s)}, which is its limit"
        if why is not None:
            stopped = replace(sandbox, status="stopping", goal="keep", reason=why)
            fleet = fleet.put(stopped)
            actions.append(Stop(stopped))
        elif used > sandbox.used_at:
            fleet = fleet.put(replace(sandbox, used_at=used))
    return fleet, actions


def _stop_all(fleet: Fleet, event: StopAll) -> Next:
    actions: list[Action] = []
    ids: list[str] = []
    for sandbox in fleet.sandboxes.values():
        if sandbox.owner not in event.owners or not sandbox.alive or sandbox.goal == "remove":
            continue
        stopped = replace(sandbox, status="stopping", goal="keep", reason=event.why)
        stopped, answers = _answered(stopped, FleetRefused("conflict", event.why), "create", "restart")
        fleet = fleet.put(stopped)
        ids.append(stopped.id)
        actions += answers
        if sandbox.status != "stopping":
            actions.append(Kill(stopped, event.why) if sandbox.status == "starting" else Stop(stopped))
    return fleet, [*actions, FleetAnswer(event.caller, tuple(ids))]


def _forsaken(fleet: Fleet, event: Forsaken) -> Next:
    actions: list[Action] = []
    for sandbox in fleet.sandboxes.values():
        if sandbox.owner != event.owner:
            continue
        if not sandbox.alive:
            fleet = fleet.without(sandbox.id)
            continue
        gone = replace(sandbox, status="stopping", goal="remove")
        fleet = fleet.put(gone)
        why = f"its owner {event.owner} is gone"
        actions += [Kill(gone, why), Tell("info", gone, f"sandbox {gone.id} is ended: {why}")]
    return fleet, actions


def _resumed(fleet: Fleet) -> Next:
    actions: list[Action] = []
    for sandbox in fleet.sandboxes.values():
        doing = sandbox.busy
        if doing is None or not sandbox.alive:
            continue
        why = f"the sandbox service ended while it {doing.replace('is ', 'was ', 1)}"
        goal = "remove" if sandbox.goal == "remove" and sandbox.status == "stopping" else "keep"
        lost = replace(sandbox, status="stopping", goal=goal, reason=why, changing=None, waiting=())
        fleet = fleet.put(lost)
        actions += [Kill(lost, why), Tell("bad", lost, f"sandbox {lost.id} is ended: {why}")]
    return fleet, actions


# Helpers


def _again(fleet: Fleet, sandbox: Sandbox) -> Next:
    """Start the next program, with the same configuration."""
    sandbox = replace(
        sandbox,
        status="starting",
        goal="keep",
        run=sandbox.run + 1,
        restart_count=sandbox.restart_count + 1,
        reason=None,
        os_pid=None,
        supervisor_pid=None,
        ended_at=None,
    )
    return fleet.put(sandbox), [Launch(sandbox)]


def _over(sandbox: Sandbox, reason: str, now: float) -> Sandbox:
    return replace(
        sandbox, status="ended", reason=reason, ended_at=now, os_pid=None, supervisor_pid=None, changing=None
    )


def _answered(sandbox: Sandbox, answer: Any, *what: str) -> tuple[Sandbox, list[Action]]:
    """Answer the callers that wait for one of these; None means the sandbox."""
    left = tuple(one for one in sandbox.waiting if one[0] not in what)
    told = replace(sandbox, waiting=left)
    callers = [caller for kind, caller in sandbox.waiting if kind in what]
    return told, [FleetAnswer(caller, told if answer is None else answer) for caller in callers]


def _by(sandbox: Sandbox) -> str:
    """Return the words for who ran the code; "" for the first run, by the owner."""
    first = sandbox.restart_count == 0 and sandbox.current <= 1  # 0: the code is a module
    return "" if first or not sandbox.ran_by else f", by {sandbox.ran_by}"


def _with_version(sandbox: Sandbox, source: Source, by: str, now: float) -> Sandbox:
    """Return the sandbox with this source as the current version."""
    sandbox = replace(sandbox, ran_by=by, ran_at=now)
    for known in sandbox.versions:
        if known.source.sha256 == source.sha256:
            return replace(sandbox, current=known.number)
    number = max((one.number for one in sandbox.versions), default=0) + 1
    versions = (*sandbox.versions, Version(number, source, now, by))[-MOST_VERSIONS:]
    return replace(sandbox, versions=versions, current=number)


def _with_room(fleet: Fleet) -> Fleet:
    """Forget the oldest ended sandbox of the owner with the most, until there is room for another one."""
    ended = sorted((one for one in fleet.sandboxes.values() if not one.alive), key=lambda one: one.ended_at or 0.0)
    while len(ended) >= MOST_ENDED:
        [(most, _)] = Counter(one.owner for one in ended).most_common(1)
        oldest = next(one for one in ended if one.owner == most)
        ended.remove(oldest)
        fleet = fleet.without(oldest.id)
    return fleet


def _busy(sandbox: Sandbox) -> FleetRefused:
    return FleetRefused(
        "sandbox_busy", f"{sandbox.id} {sandbox.busy}", "try again when it is done; force=true kills it"
    )


def _not_running(sandbox: Sandbox) -> FleetRefused:
    """Return the refusal of a reload whose sandbox has ended, or ends with its tree."""
    why = f"{sandbox.id} is not running, so there is nothing to reload"
    return FleetRefused("conflict", why, RESTART)


def _unknown(fleet: Fleet, id: str) -> FleetRefused:
    known = ", ".join(list(fleet.sandboxes)[:10])
    hint = f"there are: {known}" if known else "there are none; create one"
    return FleetRefused("sandbox_not_found", f"there is no sandbox {id[:100]!r}", hint)


def _span(seconds: float) -> str:
    """Return a duration in words.

    >>> _span(1800), _span(90), _span(28800)
    ('30 min', '90 s', '8 h')
    """
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:g} s"
