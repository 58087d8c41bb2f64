"""Erlang/OTP for asyncio: processes, links, monitors, GenServer and supervision trees."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from otp import trace
from otp._program import run
from otp.behaviours.behaviour import Behaviour, callback, impl, optional_callback
from otp.behaviours.child_spec import Children, ChildSpec
from otp.behaviours.gen_server import GenServer
from otp.behaviours.request import Request
from otp.kernel.callers import From
from otp.kernel.dictionary import erase, get, get_keys, put
from otp.kernel.errors import (
    AlreadyPresent,
    AlreadyStarted,
    BadArgument,
    BadTimeout,
    CallCycle,
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
from otp.kernel.here import make_ref, monotonic, node, self
from otp.kernel.info import ProcessInfo, is_alive, process_info, processes
from otp.kernel.mailbox import receive
from otp.kernel.messages import Down, ExitSignal, NodeDown, NodeUp, Timeout, TimerFired
from otp.kernel.names import register, registered, unregister, whereis
from otp.kernel.node import Node
from otp.kernel.patterns import AnyOf, Is, Tag
from otp.kernel.pids import Pid, Ref
from otp.kernel.reasons import Crash, ExceptionTerm
from otp.kernel.results import Continue, Ignore, NoReply, Ok, Reply, Stop
from otp.kernel.signals import demonitor, exit, link, monitor, process_flag, send, unlink, wait_down
from otp.kernel.starting import spawn, spawn_link, spawn_monitor
from otp.kernel.timers import cancel_timer, read_timer, send_after, start_timer

if TYPE_CHECKING:
    import random as _random_module

    from otp import code as code
    from otp import observer as observer
    from otp import sys as sys
    from otp import testing as testing
    from otp.behaviours.agent import Agent
    from otp.behaviours.application import Application
    from otp.behaviours.argument_copy import Shared
    from otp.behaviours.dynamic_supervisor import DynamicSupervisor
    from otp.behaviours.gen_state_machine import GenStateMachine
    from otp.behaviours.os_process import OsProcess, Output
    from otp.behaviours.partition_supervisor import PartitionSupervisor
    from otp.behaviours.registry import AlreadyRegistered, Entry, Registry, RegistryEntry
    from otp.behaviours.state_machine_results import (
        ChangeModule,
        EventTimeout,
        Hibernate,
        KeepState,
        KeepStateAndData,
        MachineOk,
        NamedTimeout,
        NextEvent,
        NextState,
        PopModule,
        Postpone,
        PushModule,
        RepeatState,
        RepeatStateAndData,
        ReplyTo,
        StateTimeout,
        StopAndReply,
    )
    from otp.behaviours.supervisor import ChildInfo, Counts, Supervisor
    from otp.behaviours.task import Task, TaskExit, TaskOk, TaskReply
    from otp.behaviours.task_stream import TaskStream
    from otp.behaviours.task_supervisor import TaskSupervisor
    from otp.doors import observe
    from otp.kernel.become import Become
    from otp.kernel.controlling import controlling_process
    from otp.kernel.granted_name import GrantedName

    random: _random_module.Random
    __version__: str

_LATER: Final = {
    "Agent": "otp.behaviours.agent",
    "AlreadyRegistered": "otp.behaviours.registry",
    "Application": "otp.behaviours.application",
    "Become": "otp.kernel.become",
    "ChangeModule": "otp.behaviours.state_machine_results",
    "ChildInfo": "otp.behaviours.supervisor",
    "Counts": "otp.behaviours.supervisor",
    "DynamicSupervisor": "otp.behaviours.dynamic_supervisor",
    "Entry": "otp.behaviours.registry",
    "EventTimeout": "otp.behaviours.state_machine_results",
    "GenStateMachine": "otp.behaviours.gen_state_machine",
    "GrantedName": "otp.kernel.granted_name",
    "Hibernate": "otp.behaviours.state_machine_results",
    "KeepState": "otp.behaviours.state_machine_results",
    "KeepStateAndData": "otp.behaviours.state_machine_results",
    "MachineOk": "otp.behaviours.state_machine_results",
    "NamedTimeout": "otp.behaviours.state_machine_results",
    "NextEvent": "otp.behaviours.state_machine_results",
    "NextState": "otp.behaviours.state_machine_results",
    "OsProcess": "otp.behaviours.os_process",
    "Output": "otp.behaviours.os_process",
    "PartitionSupervisor": "otp.behaviours.partition_supervisor",
    "PopModule": "otp.behaviours.state_machine_results",
    "Postpone": "otp.behaviours.state_machine_results",
    "PushModule": "otp.behaviours.state_machine_results",
    "Registry": "otp.behaviours.registry",
    "RegistryEntry": "otp.behaviours.registry",
    "RepeatState": "otp.behaviours.state_machine_results",
    "RepeatStateAndData": "otp.behaviours.state_machine_results",
    "ReplyTo": "otp.behaviours.state_machine_results",
    "Shared": "otp.behaviours.argument_copy",
    "StateTimeout": "otp.behaviours.state_machine_results",
    "observe": "otp.doors",
    "StopAndReply": "otp.behaviours.state_machine_results",
    "Supervisor": "otp.behaviours.supervisor",
    "Task": "otp.behaviours.task",
    "TaskExit": "otp.behaviours.task",
    "TaskOk": "otp.behaviours.task",
    "TaskReply": "otp.behaviours.task",
    "TaskStream": "otp.behaviours.task_stream",
    "TaskSupervisor": "otp.behaviours.task_supervisor",
    "controlling_process": "otp.kernel.controlling",
}
"""Names whose modules are imported on first use, so that a program pays only for what it uses."""

_FACES: Final = frozenset({"code", "observer", "sys", "testing"})
"""Modules that are available after `import otp`: `otp.sys.get_state(pid)`."""


if not TYPE_CHECKING:  # else a type checker would accept any misspelt name

    def __getattr__(name):
        if name == "random":  # the random source belongs to the running scheduler, not to this module
            return import_module("otp.kernel.here").random_here()
        if name in _FACES:
            return import_module(f"otp.{name}")
        module = _LATER.get(name)
        if name == "__version__":  # read on first access: it takes 20 ms
            value = globals()[name] = import_module("otp._version").installed_version()
            return value
        if module is None:
            raise AttributeError(f"module 'otp' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(module), name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Agent",
    "AlreadyPresent",
    "AlreadyRegistered",
    "AlreadyStarted",
    "AnyOf",
    "Application",
    "BadArgument",
    "BadTimeout",
    "Become",
    "Behaviour",
    "callback",
    "CallCycle",
    "CallExit",
    "CallingSelf",
    "CallTimeout",
    "cancel_timer",
    "controlling_process",
    "ChangeModule",
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
    "erase",
    "Error",
    "EventTimeout",
    "ExceptionTerm",
    "Exit",
    "exit",
    "ExitSignal",
    "From",
    "GenServer",
    "GenStateMachine",
    "get",
    "get_keys",
    "GrantedName",
    "Hibernate",
    "Ignore",
    "impl",
    "Is",
    "is_alive",
    "KeepState",
    "KeepStateAndData",
    "link",
    "MachineOk",
    "make_ref",
    "monitor",
    "monotonic",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "node",
    "Node",
    "NodeDown",
    "NodeUp",
    "NoProcess",
    "NoReply",
    "NotAProcess",
    "NotFound",
    "NotProcessMain",
    "observe",
    "Ok",
    "optional_callback",
    "OsProcess",
    "Output",
    "PartitionSupervisor",
    "Pid",
    "PopModule",
    "Postpone",
    "process_flag",
    "process_info",
    "processes",
    "ProcessInfo",
    "PushModule",
    "put",
    "random",
    "read_timer",
    "receive",
    "ReceiveTimeout",
    "Ref",
    "register",
    "registered",
    "Registry",
    "RegistryEntry",
    "RepeatState",
    "RepeatStateAndData",
    "Reply",
    "ReplyTo",
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
    "StateTimeout",
    "Stop",
    "StopAndReply",
    "Supervisor",
    "Tag",
    "Task",
    "TaskExit",
    "TaskOk",
    "TaskReply",
    "TaskStream",
    "TaskSupervisor",
    "Throw",
    "Timeout",
    "TimerFired",
    "trace",
    "unlink",
    "unregister",
    "wait_down",
    "whereis",
]
