"""Erlang/OTP for asyncio: processes, links, monitors, GenServer and supervision trees."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from otp import trace
from otp.behaviours.behaviour import Behaviour, callback, impl, optional_callback
from otp.behaviours.child_spec import Children, ChildSpec
from otp.behaviours.gen_server import GenServer, Request
from otp.kernel.calls import From
from otp.kernel.errors import (
    AlreadyPresent,
    AlreadyStarted,
    BadArgument,
    CallExit,
    CallingSelf,
    CallTimeout,
    Error,
    Exit,
    NoProcess,
    NotAProcess,
    NotFound,
    NotProcessMain,
    ReceiveTimeout,
    ServerDown,
    StartError,
    Throw,
)
from otp.kernel.here import make_ref, monotonic, self
from otp.kernel.info import ProcessInfo, is_alive, process_info, processes
from otp.kernel.mailbox import receive
from otp.kernel.messages import Down, ExitSignal, NodeDown, NodeUp, Timeout, TimerFired
from otp.kernel.names import register, registered, unregister, whereis
from otp.kernel.node import Node
from otp.kernel.patterns import AnyOf, Is, Tag
from otp.kernel.pids import Pid, Ref
from otp.kernel.program import run
from otp.kernel.reasons import Crash, ExceptionTerm
from otp.kernel.results import Continue, Ignore, NoReply, Ok, Reply, Stop
from otp.kernel.signals import demonitor, exit, link, monitor, process_flag, send, unlink, wait_down
from otp.kernel.starting import spawn, spawn_link, spawn_monitor
from otp.kernel.timers import cancel_timer, read_timer, send_after, start_timer

if TYPE_CHECKING:
    import random as _random_module

    from otp.behaviours.application import Application
    from otp.behaviours.argument_copy import Shared
    from otp.behaviours.dynamic_supervisor import DynamicSupervisor
    from otp.behaviours.registry import AlreadyRegistered, Entry, Registry
    from otp.behaviours.supervisor import ChildInfo, Counts, Supervisor

    random: _random_module.Random

_LATER: Final = {
    "AlreadyRegistered": "otp.behaviours.registry",
    "Application": "otp.behaviours.application",
    "ChildInfo": "otp.behaviours.supervisor",
    "Counts": "otp.behaviours.supervisor",
    "DynamicSupervisor": "otp.behaviours.dynamic_supervisor",
    "Entry": "otp.behaviours.registry",
    "Registry": "otp.behaviours.registry",
    "Shared": "otp.behaviours.argument_copy",
    "Supervisor": "otp.behaviours.supervisor",
}
"""Names whose modules are imported on first use, so that a program pays for what it starts."""


def __getattr__(name: str) -> Any:
    if name == "random":  # the random source belongs to the running scheduler, not to this module
        return import_module("otp.kernel.here").random_here()
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'otp' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "AlreadyPresent",
    "AlreadyRegistered",
    "AlreadyStarted",
    "AnyOf",
    "Application",
    "BadArgument",
    "Behaviour",
    "callback",
    "CallExit",
    "CallingSelf",
    "CallTimeout",
    "cancel_timer",
    "ChildInfo",
    "Children",
    "ChildSpec",
    "Continue",
    "Counts",
    "Crash",
    "demonitor",
    "Down",
    "DynamicSupervisor",
    "Entry",
    "Error",
    "ExceptionTerm",
    "Exit",
    "exit",
    "ExitSignal",
    "From",
    "GenServer",
    "Ignore",
    "impl",
    "Is",
    "is_alive",
    "link",
    "make_ref",
    "monitor",
    "monotonic",
    "Node",
    "NodeDown",
    "NodeUp",
    "NoProcess",
    "NoReply",
    "NotAProcess",
    "NotFound",
    "NotProcessMain",
    "Ok",
    "optional_callback",
    "Pid",
    "process_flag",
    "process_info",
    "processes",
    "ProcessInfo",
    "random",
    "read_timer",
    "receive",
    "ReceiveTimeout",
    "Ref",
    "register",
    "registered",
    "Registry",
    "Reply",
    "Request",
    "run",
    "self",
    "send",
    "send_after",
    "ServerDown",
    "Shared",
    "spawn",
    "spawn_link",
    "spawn_monitor",
    "start_timer",
    "StartError",
    "Stop",
    "Supervisor",
    "Tag",
    "Throw",
    "Timeout",
    "TimerFired",
    "trace",
    "unlink",
    "unregister",
    "wait_down",
    "whereis",
]
