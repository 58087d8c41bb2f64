"""The process of a distributed supervisor on one member: a dynamic supervisor whose ids are granted in the cluster."""

# Messages and reasons are terms of any type.
# pyright: reportUnknownLambdaType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from inspect import isawaitable
from typing import Any, ClassVar, NamedTuple

from otp.behaviours.server.child_spec import ChildSpec
from otp.behaviours.supervisor.child_start import here
from otp.behaviours.supervisor.child_stop import stop
from otp.behaviours.supervisor.dynamic_server import (
    DynamicOptions,
    DynamicServer,
    handle_call,
    start_spec,
    stop_children,
)
from otp.behaviours.supervisor.dynamic_state import DynamicState
from otp.behaviours.supervisor.spec_check import shutdown_of
from otp.behaviours.supervisor.trace import report_stopped
from otp.bounded import text
from otp.cluster.child_terms import spec_of_term, target_of
from otp.cluster.claims import GONE, plain
from otp.cluster.cluster import Cluster, membership_of
from otp.cluster.handover import MOVED, finish, finishes_in_order
from otp.cluster.lease_placements import LeasePlacements
from otp.cluster.leases import LeaseUnavailable
from otp.cluster.placed_state import CONFLICT, PlacedState
from otp.cluster.placements import ADOPT, STAY, UNWANTED, Placement, Placements
from otp.cluster.placing import ensure
from otp.cluster.shared_table import SharedTable
from otp.cluster.travelling import check_travels
from otp.kernel.ends.info import is_alive
from otp.kernel.ends.mailbox import reply
from otp.kernel.steps.calling import cast
from otp.kernel.steps.node import start_detached
from otp.kernel.tables.callers import From
from otp.kernel.values.errors import BadArgument, StartError
from otp.kernel.values.handed import HANDED, Handed
from otp.kernel.values.messages import ExitSignal
from otp.kernel.values.process import on_exit
from otp.kernel.values.results import Ignore, NoReply, Ok, Reply, Stop
from otp.observer.terms import CannotTravel, put_before

__all__ = ["SupervisorOptions", "SupervisorServer"]


class SupervisorOptions(NamedTuple):
    """The argument of a distributed supervisor's process."""

    cluster: Cluster
    name: str
    placement: Placement
    shown: str
    """The placement as other members know it."""
    settle: float
    limits: DynamicOptions
    handoff_timeout: float = 5
    first: tuple[Any, Any] | None = None
    """The id and the term of the child of a singleton."""
    leased: bool = False


class SupervisorServer(DynamicServer):
    """The callbacks of a distributed supervisor's process."""

    __slots__ = ()

    _state: ClassVar[type[DynamicState]] = PlacedState

    async def init(self, options: SupervisorOptions) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Check the options, and wait until the children of the other members are known."""
        begun = super().init(options.limits)
        if isinstance(begun, Stop):
            return begun
        me, state = here(), begun.state
        state.handoff_timeout = options.handoff_timeout
        state.shared = shared = SharedTable(membership_of(options.cluster), ("supervisor", options.name), options.shown)
        if options.leased:
            state.placements = LeasePlacements(
                shared, options.placement, options.settle, state.lost, state.kill_all
            )  # fmt: skip
        else:
            state.placements = Placements(shared, options.placement, options.settle, state.lost)
        shared.content, shared.unsettled = state.placements, state.unsettled
        shared.ended = lambda: (state.placements.leave(), cast(me, ("left",)))
        on_exit(me, shared, lambda _: _close(state))
        try:
            await shared.open(me)
        except StartError as error:
            return Stop(error.reason)
        if options.first is not None:
            id, term = options.first
            shared.rejoined = lambda: me.runtime.spawn(ensure, state, id, term)
            shared.rejoined()
        return Ok(state)

    def handle_call(self, request: Any, caller: From, state: Any) -> Any:
        """Answer an operation."""
        match request:
            case ("place", *_) if state.shared.membership.me.status == "leaving":
                return Reply(("error", "left"), state)
            case ("place", id, term, node, *limit):
                spec = _spec(state, id, term, node)
                if not isinstance(spec, ChildSpec):
                    return Reply(("error", spec), state)
                start_detached(here().runtime, _reserve(state, spec, term, caller, *limit))
                return NoReply(state)
            case ("move", list(moves)):
                return _begin_moves(state, moves, caller)
            case ("drain", bool(is_first)):
                if is_first:
                    state.placements.refused.clear()
                return _begin_moves(state, state.placements.plan_drain(), caller)
            case ("start_child", _):
                return Reply(("error", "distributed"), state)
            case _:
                return super().handle_call(request, caller, state)

    def handle_cast(self, request: Any, state: Any) -> Any:
        """Handle a message of this supervisor on this or another member."""
        match request:
            case ("granted", ChildSpec() as spec, term, caller):
                return _start_granted(state, spec, term, caller)
            case (tag, id, int(time), term, asker) if tag == ADOPT:
                start = partial(_adopt, state, id, time, term, asker)
                return _once_held(state, id, start, partial(_refuse, state, id, asker))
            case (tag, id) if tag == UNWANTED:
                return _end_unwanted(state, id)
            case ("refused", id, str(member), reason):
                state.placements.refuse(id, member, reason)
            case (tag, id, pid, winner) if tag == CONFLICT:
                return _end_loser(state, id, pid, winner)
            case ("move", id):
                return _move(state, id)
            case ("finished", id, pid, handed, why):
                return _finished(state, id, pid, handed, why)
            case ("move_in", id, term, asker, handed, pid):
                start = partial(_move_in, state, id, term, asker, handed, pid)
                return _once_held(state, id, start, lambda why: cast(asker, ("move_failed", id, why, handed)))
            case ("arrived", id):
                state.arriving.pop(id, None)
                state.shared.membership.wake()
            case ("move_failed", id, reason, handed):
                state.arriving.pop(id, None)
                if (member := state.placements.moving.get(id)) is not None:
                    state.placements.refused[id].add(member)
                state.log("child %s could not move", id, text(reason))
                state.placements.stay(id, handed)
                state.shared.membership.wake()
            case (tag, id, handed) if tag == STAY:
                return _once_held(state, id, partial(_stay, state, id, handed), partial(_give_up, state, id))
            case ("held", partial() as start):
                return start()
            case ("left",):
                return _leave(state)
            case _:
                return super().handle_cast(request, state)
        return NoReply(state)

    def handle_info(self, message: Any, state: Any) -> Any:
        """Handle the end of a child; one that has lost its id is not restarted."""
        if type(message) is ExitSignal and message.pid in state.losing:
            _forget_loser(state, message.pid)
            return NoReply(state)
        if type(message) is ExitSignal and message.pid in state.finishing:
            if message.reason == MOVED:
                state.finishing[message.pid] = True
                return NoReply(state)
            del state.finishing[message.pid]  # it ended by itself, and moves if it is restarted
            cast(here(), ("move", state.ids[message.pid]))
        return super().handle_info(message, state)


def _close(state: PlacedState) -> None:
    state.placements.close()
    state.shared.close()


# Starts


def _spec(state: PlacedState, id: Any, term: Any, node: str | None = None) -> Any:
    """Return the spec of a child, or why it cannot start here. A request of another member needs `allow`."""
    me = state.shared.membership.me.name
    try:
        if node != me and not state.shared.membership.distribution.allows(target_of(term)):
            return ("not_spawnable", target_of(term))
        return spec_of_term(id, term)
    except (BadArgument, LookupError, TypeError) as error:
        return ("not_importable", str(error))


def _once_held(state: PlacedState, id: Any, start: partial[Any], refused: Callable[[Any], object]) -> Any:
    """Start a child now; in lease mode, once this member has its lease."""
    if not state.placements.leased:
        return start()
    start_detached(here().runtime, _hold(state, id, start, refused))
    return NoReply(state)


async def _hold(state: PlacedState, id: Any, start: partial[Any], refused: Callable[[Any], object]) -> None:
    why = await state.placements.hold(id)
    if why is None:
        cast(state.shared.pid, ("held", start))
    else:
        refused(why)


async def _reserve(state: PlacedState, spec: ChildSpec, term: Any, caller: From, limit: float | None = None) -> None:
    """Reserve the id of a child within `limit` seconds, then ask the supervisor to start it."""
    try:
        async with asyncio.timeout(limit):
            refused = await _await_grant(state, spec.id)
    except (TimeoutError, LeaseUnavailable) as error:
        refused = error.reason if isinstance(error, LeaseUnavailable) else ("lease_unavailable", "timeout")
    if refused is not None:
        reply(caller, ("error", refused))
    else:
        state.placements.starting[spec.id] = None
        cast(state.shared.pid, ("granted", spec, term, caller))


async def _await_grant(state: PlacedState, id: Any) -> Any:
    """Return None once the id of a child is granted to this member, or the reason why it is not."""
    placements, me, membership = state.placements, state.shared.pid, state.shared.membership
    while is_alive(me) and not membership.over:
        holder = (await placements.reserve([id], me))[id]
        if holder is None:
            return None
        if holder is not GONE and not placements.is_supervisor(holder):
            return ("already_started", holder)
        with suppress(TimeoutError):  # that supervisor is starting it, or its granter is gone
            async with asyncio.timeout(membership.settings.heartbeat):
                await membership.changed()
    return "left"


async def _start_granted(state: PlacedState, spec: ChildSpec, term: Any, caller: From) -> Any:
    holder = state.placements.whereis(spec.id)
    if holder is not None:  # started here meanwhile, by the same lease
        state.placements.starting.pop(spec.id, None)
        reply(caller, ("error", ("already_started", holder)))
        return NoReply(state)
    answer = await _start(state, spec, term)
    if state.placements.own(spec.id) is None:
        state.placements.withdraw([spec.id], state.shared.pid)
    elif why := _refusal_of(answer[1]):
        await handle_call(("terminate_child", state.process_of(spec.id)), state)
        answer = ("error", ("cannot_travel", why))
    start_detached(here().runtime, _confirm(state, spec.id, answer, caller))
    return NoReply(state)


async def _start(state: PlacedState, spec: ChildSpec, term: Any) -> Any:
    """Start a child here; return `("ok", pid)`, `("ignored", None)` or `("error", reason)`."""
    if not state.placements.holds(spec.id):
        state.placements.starting.pop(spec.id, None)
        return ("error", LeaseUnavailable("the session has ended").reason)
    if state.full():
        state.placements.starting.pop(spec.id, None)
        state.placements.let_go(spec.id)
        return ("error", "max_children")
    state.terms[spec.id] = term
    state.placements.starting[spec.id] = None
    state.placements.beginning = (spec.id,)
    begun: Any = start_spec(here(), state, spec)
    answer = await begun if isawaitable(begun) else begun
    state.placements.beginning = ()
    state.terms.pop(spec.id, None)
    state.placements.starting.pop(spec.id, None)
    outcome = answer.value
    if state.placements.own(spec.id) is None:
        if outcome[0] == "ok" and not state.placements.holds(spec.id):
            outcome = ("error", LeaseUnavailable("the session has ended").reason)
        state.placements.let_go(spec.id)
    return ("ignored", None) if isinstance(outcome[1], Ignore) else outcome


def _refusal_of(outcome: Any) -> str | None:
    """Return why what a start has returned with its pid cannot be sent to another member; else None."""
    try:
        check_travels(outcome[1] if isinstance(outcome, tuple) else None)  # pyright: ignore[reportUnknownArgumentType]
    except CannotTravel as error:
        put_before(error, "extra")
        return str(error)
    return None


async def _confirm(state: PlacedState, id: Any, answer: Any, caller: From) -> None:
    """Reply to a start once all peers know the child."""
    if answer[0] == "ok":
        await _acknowledge(state, id)
    reply(caller, answer)


async def _acknowledge(state: PlacedState, id: Any) -> None:
    """Wait until all peers know a child."""
    on = state.placements.peers()
    await state.shared.sync()
    state.placements.acknowledge(id, on)


async def _adopt(state: PlacedState, id: Any, time: int, term: Any, asker: Any) -> Any:
    """Start a child whose member is lost, unless it was terminated since."""
    placements = state.placements
    if id in placements.starting:
        return NoReply(state)
    if placements.has_ended(id, time):
        placements.let_go(id)
        placements.forget(id, time)
        state.shared.tell_all("forget", id, time)
        return NoReply(state)
    holder = placements.whereis(id)
    spec = _spec(state, id, term)
    if holder is not None:
        refused = ("already_started", holder)
    elif not isinstance(spec, ChildSpec):
        refused = spec
    else:
        placements.adopted[id] = time
        answer = await _start(state, spec, term)
        refused = answer[1] if answer[0] == "error" else None
        if placements.own(id) is None:
            del placements.adopted[id]
            if refused is None:  # its start returned `Ignore`
                placements.forget_everywhere(id)
    if refused is not None:
        _refuse(state, id, asker, refused)
    return NoReply(state)


def _refuse(state: PlacedState, id: Any, asker: Any, why: Any) -> None:
    """Reply that an orphan does not start here."""
    if state.placements.own(id) is None:
        state.placements.let_go(id)
    if not state.placements.is_supervisor(asker):  # its member is lost, and another one may have learned of the start
        state.placements.withdraw([id], state.shared.pid)
    cast(asker, ("refused", id, state.shared.membership.me.name, why))


# Ends


async def _end_unwanted(state: PlacedState, id: Any) -> Any:
    claim = state.placements.own(id)
    if claim is not None and state.placements.adopted.pop(id, None) is not None:
        await handle_call(("terminate_child", claim.pid), state)
    return NoReply(state)


async def _end_loser(state: PlacedState, id: Any, pid: Any, winner: Any) -> Any:
    spec = state.running.get(pid)
    if spec is not None:
        ended = not is_alive(pid)
        reason = await stop(pid, shutdown_of(spec), (CONFLICT, (state.shared.table[1], id), winner))
        report_stopped(here(), None, pid, reason, None, ended, requested=True)
        if winner is not None:
            state.placements.report_conflict(id, pid, winner)
    _forget_loser(state, pid)
    return NoReply(state)


def _forget_loser(state: PlacedState, pid: Any) -> None:
    state.losing.discard(pid)
    if pid in state.ids:
        state.forget(pid)
    state.shared.membership.wake()


async def _leave(state: PlacedState) -> Any:
    """Stop all children, because this member has left the cluster."""
    await stop_children(here(), state)
    for pid, id in state.ids.items():
        state.placements.abandon(id, pid)
    for known in (state.ids, state.to_move, state.finishing, state.losing, state.arriving):
        known.clear()
    return NoReply(state)


# Moves


def _begin_moves(state: PlacedState, moves: list[tuple[Any, str]], caller: From) -> Any:
    mine = [id for id, _ in moves if state.placements.own(id) is not None]
    for id, member in moves:
        if id in mine:
            state.to_move[id] = member
            cast(here(), ("move", id))
    start_detached(here().runtime, _answer_moves(state, mine, caller))
    return NoReply(state)


async def _answer_moves(state: PlacedState, ids: list[Any], caller: From) -> None:
    """Reply with the children that moved and those that could not, once all members know where they run."""

    def waits(id: Any) -> bool:
        placements = state.placements
        on_its_way = id in state.to_move or id in placements.moving
        return on_its_way or placements.supervisor(state.arriving.get(id, "")) is not None

    while any(map(waits, ids)):
        await state.shared.membership.changed()
    for id in ids:
        state.arriving.pop(id, None)
    moved = [id for id in ids if state.placements.has_moved(id)]
    reply(caller, (moved, [id for id in ids if id not in moved]))


async def _move(state: PlacedState, id: Any) -> Any:
    """Move a child: a server handles the messages in its mailbox first, any other process is stopped."""
    pid = state.process_of(id)
    can_move = pid in state.ids and pid not in state.losing
    if not can_move or state.placements.supervisor(state.to_move.get(id, "")) is None:
        state.to_move.pop(id, None)
        state.shared.membership.wake()
    elif pid in state.finishing:
        pass  # two moves were asked for
    elif (spec := state.running.get(pid)) is not None and finishes_in_order(pid, spec):
        state.finishing[pid] = False
        start_detached(here().runtime, _finish(state, id, pid))
    else:
        await _send_away(state, id, pid, ())
    return NoReply(state)


async def _finish(state: PlacedState, id: Any, pid: Any) -> None:
    handed, why = await finish(pid, state.handoff_timeout)
    cast(state.shared.pid, ("finished", id, pid, handed, why))


async def _finished(state: PlacedState, id: Any, pid: Any, handed: tuple[Any, ...], why: str) -> Any:
    if pid in state.finishing:
        if why and pid in state.ids:
            state.log("child %s moves without its state", id, why)
        await _send_away(state, id, pid, handed)
    return NoReply(state)


async def _send_away(state: PlacedState, id: Any, pid: Any, handed: tuple[Any, ...]) -> None:
    """Stop a child unless it has ended, and ask another member to start it."""
    placements, spec = state.placements, state.running.get(pid)
    if state.finishing.pop(pid, False):
        report_stopped(here(), None, pid, MOVED, None, False, requested=True)
    elif spec is not None:
        ended = not is_alive(pid)
        reason = await stop(pid, shutdown_of(spec), MOVED)
        report_stopped(here(), None, pid, reason, None, ended, requested=True)
    member = state.to_move.pop(id, "")
    claim = placements.own(id)
    if claim is not None and pid in state.ids and pid not in state.losing:
        state.forget_moved(pid)
        placements.moving[id] = member
        if handed:
            _report(state, "handed_over", id, pid, handed[0])
        await placements.free(id)
        if (supervisor := placements.supervisor(member)) is None:
            placements.stay(id, handed)
        else:
            state.arriving[id] = member
            cast(supervisor, ("move_in", id, claim.value, here(), handed, pid))
    elif pid in state.losing:
        _forget_loser(state, pid)
    state.shared.membership.wake()


def _report(state: PlacedState, kind: str, id: Any, pid: Any, term: Any) -> None:
    """Record the term that a process of a child has handed over, or that the next one got."""
    state.shared.membership.report(kind, supervisor=state.shared.table[1], id=id, pid=plain(pid), term=term)


async def _move_in(state: PlacedState, id: Any, term: Any, asker: Any, handed: tuple[Any, ...], pid: Any) -> Any:
    """Start a child here that has moved; `pid` is its process on the member of `asker`."""
    spec, holder = _spec(state, id, term, asker.runtime.name), state.placements.whereis(id)
    if holder is not None and holder is not pid:  # it runs elsewhere, or its member has restarted it
        await _free(state, id)
        cast(asker, ("move_failed", id, ("already_started", holder), handed))
        return NoReply(state)
    if isinstance(spec, ChildSpec):
        state.coming[id] = pid
        answer, handed = await _start_with(state, spec, term, handed, pid)
        state.coming.pop(id, None)
    else:
        answer = ("error", spec)
    if state.placements.own(id) is None:
        await _free(state, id)
        cast(asker, ("move_failed", id, answer[1], handed))
    else:
        start_detached(here().runtime, _confirm_move(state, id, asker))
    return NoReply(state)


async def _free(state: PlacedState, id: Any) -> None:
    """Free the lease of a child that does not start here after all."""
    if state.placements.own(id) is None:
        await state.placements.free(id)


async def _confirm_move(state: PlacedState, id: Any, asker: Any) -> None:
    await _acknowledge(state, id)
    cast(asker, ("arrived", id))


async def _start_with(state: PlacedState, spec: ChildSpec, term: Any, handed: tuple[Any, ...], pid: Any) -> Any:
    """Start a child here with the term of its `handoff` in the process `pid`.

    Returns the answer, and the term if no `take_over` got it.
    """
    if not handed:
        return await _start(state, spec, term), ()
    given = Handed(handed[0])
    before = HANDED.set(given)
    try:
        answer = await _start(state, spec, term)
    finally:
        HANDED.reset(before)
    if given.taken:
        _report(state, "taken_over", spec.id, pid, handed[0])
        return answer, ()
    if answer[0] == "ok":
        state.log("child %s starts without its state", spec.id, "its class has no take_over")
    return answer, handed


def _give_up(state: PlacedState, id: Any, why: Any) -> None:
    """Leave a child that could not move, and that has no lease here any more, to the member that gets its lease."""
    claim = state.placements.own(id)
    state.placements.moving.pop(id, None)
    if claim is not None:
        state.log("child %s starts elsewhere", id, text(why))
        state.placements.release(id, claim.pid, "owner_ended")
    state.shared.membership.wake()


async def _stay(state: PlacedState, id: Any, handed: tuple[Any, ...]) -> Any:
    """Restart a child here that could not move."""
    placements = state.placements
    claim = placements.own(id)
    if claim is not None and claim.pid not in state.ids:
        answer, _ = await _start_with(state, spec_of_term(id, claim.value), claim.value, handed, claim.pid)
        now = placements.own(id)
        if now is not None and (answer[0] == "error" or now.pid is claim.pid):
            state.log("child %s could not restart", id, text(answer[1]))
            placements.end(id, claim.pid)
    placements.moving.pop(id, None)
    state.shared.membership.wake()
    return NoReply(state)
