"""Incoming signals: what processes of another node do to processes here.

A node can only speak for its own processes, since a signal identifies its sender by a number of that node. Signals
about unknown links, monitors and calls are ignored, as they may have crossed with a signal from here.
"""

# Messages and reasons are terms of any type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
from typing import Any, Final

from otp.distribution import signals, wire
from otp.distribution.declared import NotTaken
from otp.distribution.parts import Parts
from otp.distribution.remote_node import RemoteNode
from otp.kernel.ends.death import exit_signal
from otp.kernel.ends.mailbox import deliver, reply
from otp.kernel.steps.calls import send_call, send_system
from otp.kernel.values.messages import ExitSignal, unwatch, watch
from otp.kernel.values.process import CAST_TAG, DEAD, EXITING, Process
from otp.kernel.values.sentences import say

__all__ = ["arrived", "monitored"]

MOST_TIES: Final = 100_000
"""Maximum number of links, and of monitors, between one other node and processes here."""


def arrived(peer: RemoteNode, data: bytes | Parts) -> None:
    """Carry out a signal of `peer`. Raises `Malformed` and `UnknownSignal` before anything is done."""
    signal = wire.decode(data)
    try:
        _HANDLERS[type(signal)](peer, signal)
    except NotTaken as error:
        _reject_signal(peer, signal, str(error))


def _reject_signal(peer: RemoteNode, signal: Any, why: str) -> None:
    """Drop a signal with an object that cannot be created here; who waits for an answer gets the reason."""
    if type(signal) is signals.Call:
        peer.say(signals.Failed, signal.number, term=("cannot_travel", why), strict=False)
    elif type(signal) is signals.Reply:
        peer.failed(signal.number, ("cannot_travel", why))
    else:
        say(logging.WARNING, "a message of node %s is dropped: %s", peer.id, why)


def _find(peer: RemoteNode, to: Any) -> Process | None:
    """Return the process that a signal is addressed to, by number or name."""
    if type(to) is int:
        return peer.home.process_table.get(to) if peer.may_reach(to) else None
    if len(to) != 1:
        raise wire.Malformed(f"expected one name, got {len(to)}")
    name = wire.read(to[0], peer)
    try:
        return peer.door.whois(name) if peer.door is not None else None
    except TypeError:
        raise wire.Malformed("expected a name that can be hashed") from None


def _send(peer: RemoteNode, signal: signals.Send) -> None:
    p = _find(peer, signal.to)
    message = wire.read(signal.term, peer)
    if p is not None and not (peer.confined and type(message) is ExitSignal):  # it could carry the pid of a parent
        deliver(p, message)


def _cast(peer: RemoteNode, signal: signals.Cast) -> None:
    p = _find(peer, signal.to)
    request = wire.read(signal.term, peer)
    if p is not None:
        deliver(p, (CAST_TAG, request))


def _call(peer: RemoteNode, signal: signals.Call) -> None:
    request = wire.read(signal.term, peer)
    caller = peer.process(signal.caller) if signal.caller else None
    if signal.to == 0:
        peer.distribution.asked(peer, signal.number, caller, request)
        return
    p = _find(peer, signal.to)
    if p is None or p.status == DEAD or p.status == EXITING or (signal.system and peer.confined):
        peer.tell(signals.Failed(signal.number, "noproc"))
        return
    frm = peer.borrowed(signal.number, caller, p, request)
    if signal.system:
        send_system(p, frm)
    else:
        send_call(p, frm)


def _reply(peer: RemoteNode, signal: signals.Reply) -> None:
    value = wire.read(signal.term, peer)
    frm = peer.calls.pop(signal.number, None)
    if frm is not None:
        reply(frm, value)


def _failed(peer: RemoteNode, signal: signals.Failed) -> None:
    peer.failed(signal.number, wire.read(signal.term, peer, lenient=True))


def _link(peer: RemoteNode, signal: signals.Link) -> None:
    p = peer.home.process_table.get(signal.to)
    if (signal.to, signal.sender) in peer.unlinking:
        return  # they did not yet know that it was removed here
    if p is None or p.status == EXITING or peer.confined:
        peer.tell(signals.ExitTo(signal.to, signal.sender, True, "noproc"), signal.to)
        return
    if len(peer.links) >= MOST_TIES:
        raise wire.Malformed(f"expected at most {MOST_TIES:,} links")
    peer.tie(p, peer.process(signal.sender))


def _unlink(peer: RemoteNode, signal: signals.Unlink) -> None:
    p = peer.home.process_table.get(signal.to)
    if p is not None:
        peer.untie(p, peer.process(signal.sender))
    peer.tell(signals.UnlinkAck(signal.to, signal.sender, signal.number), signal.to)


def _unlink_ack(peer: RemoteNode, signal: signals.UnlinkAck) -> None:
    key = (signal.to, signal.sender)
    if peer.unlinking.get(key) == signal.number:
        del peer.unlinking[key]


def _exit(peer: RemoteNode, signal: signals.ExitTo) -> None:
    reason = wire.read(signal.term, peer, lenient=True)
    sender = peer.process(signal.sender)
    if signal.linked:
        p = peer.home.process_table.get(signal.to) if type(signal.to) is int else None
        if p is not None and peer.untie(p, sender):
            exit_signal(p, sender, reason, True)
    elif not peer.confined and (p := _find(peer, signal.to)) is not None:
        exit_signal(p, sender, reason, False)


def _monitor(peer: RemoteNode, signal: signals.Monitor) -> None:
    monitored(peer, _find(peer, signal.to), signal.sender, signal.number)


def monitored(peer: RemoteNode, p: Process | None, watcher: int, number: int) -> None:
    """Install a monitor of a remote process on a local one, under the remote number."""
    if p is None or p.status == DEAD:
        peer.tell(signals.Down(0, number, "noproc"))
        return
    if len(peer.watching) >= MOST_TIES or number in peer.watching:
        raise wire.Malformed(f"expected at most {MOST_TIES:,} monitors, each with its own number")
    ref = watch(p, peer.process(watcher), number)
    peer.watching[number] = (ref, p.number if p.runtime is peer.home else 0)


def _demonitor(peer: RemoteNode, signal: signals.Demonitor) -> None:
    ref, _ = peer.watching.pop(signal.number, (None, 0))
    if ref is not None:
        unwatch(ref)


def _down(peer: RemoteNode, signal: signals.Down) -> None:
    peer.ended(signal.number, wire.read(signal.term, peer, lenient=True), peer.process(signal.sender))


_HANDLERS: Final[dict[type, Any]] = {
    signals.Send: _send,
    signals.Cast: _cast,
    signals.Call: _call,
    signals.Reply: _reply,
    signals.Failed: _failed,
    signals.Link: _link,
    signals.Unlink: _unlink,
    signals.UnlinkAck: _unlink_ack,
    signals.ExitTo: _exit,
    signals.Monitor: _monitor,
    signals.Demonitor: _demonitor,
    signals.Down: _down,
}
