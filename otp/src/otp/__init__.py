"""Erlang/OTP for asyncio: processes, links, monitors, GenServer and supervision trees."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from otp import trace
from otp._program import run
from otp.behaviours.server.behaviour import Behaviour, callback, impl, optional_callback
from otp.behaviours.server.child_spec import Children, ChildSpec
from otp.behaviours.server.gen_server import GenServer
from otp.behaviours.server.request import Request
from otp.kernel.ends.info import ProcessInfo, is_alive, process_info, processes
from otp.kernel.ends.mailbox import receive
from otp.kernel.ends.timers import cancel_timer, read_timer, send_after, start_timer
from otp.kernel.steps.node import Node
from otp.kernel.steps.signals import demonitor, exit, link, monitor, process_flag, send, unlink, wait_down
from otp.kernel.steps.starting import spawn, spawn_link, spawn_monitor
from otp.kernel.tables.callers import From
from otp.kernel.tables.here import make_ref, monotonic, node, self
from otp.kernel.tables.names import erase, get, get_keys, put, register, registered, unregister, whereis
from otp.kernel.values.errors import (
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
from otp.kernel.values.messages import AnyOf, Down, ExitSignal, Is, NodeDown, NodeUp, Tag, Timeout, TimerFired
from otp.kernel.values.pids import Pid, Ref
from otp.kernel.values.reasons import Crash, ExceptionTerm
from otp.kernel.values.results import Continue, Ignore, NoReply, Ok, Reply, Stop

if TYPE_CHECKING:
    import random as _random_module

    from otp import code as code
    from otp import observer as observer
    from otp import sys as sys
    from otp import testing as testing
    from otp.behaviours.application.application import Application
    from otp.behaviours.os_process.os_process import OsProcess, Output
    from otp.behaviours.registry.registry import AlreadyRegistered, Entry, Registry, RegistryEntry
    from otp.behaviours.server.agent import Agent
    from otp.behaviours.state_machine.gen_state_machine import GenStateMachine
    from otp.behaviours.state_machine.results import (
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
    from otp.behaviours.supervisor.argument_copy import Shared
    from otp.behaviours.supervisor.dynamic_supervisor import DynamicSupervisor
    from otp.behaviours.supervisor.partition_supervisor import PartitionSupervisor
    from otp.behaviours.supervisor.supervisor import ChildInfo, Counts, Supervisor
    from otp.behaviours.task.stream import TaskStream
    from otp.behaviours.task.task import Task, TaskExit, TaskOk, TaskReply
    from otp.behaviours.task.task_supervisor import TaskSupervisor
    from otp.doors import observe
    from otp.kernel.tables.debugging import Become
    from otp.kernel.tables.openings import controlling_process
    from otp.kernel.values.pids import GrantedName

    random: _random_module.Random
    __version__: str

_LATER: Final = {
    "Agent": "otp.behaviours.server.agent",
    "AlreadyRegistered": "otp.behaviours.registry.registry",
    "Application": "otp.behaviours.application.application",
    "Become": "otp.kernel.tables.debugging",
    "ChangeModule": "otp.behaviours.state_machine.results",
    "ChildInfo": "otp.behaviours.supervisor.supervisor",
    "Counts": "otp.behaviours.supervisor.supervisor",
    "DynamicSupervisor": "otp.behaviours.supervisor.dynamic_supervisor",
    "Entry": "otp.behaviours.registry.registry",
    "EventTimeout": "otp.behaviours.state_machine.results",
    "GenStateMachine": "otp.behaviours.state_machine.gen_state_machine",
    "GrantedName": "otp.kernel.values.pids",
    "Hibernate": "otp.behaviours.state_machine.results",
    "KeepState": "otp.behaviours.state_machine.results",
    "KeepStateAndData": "otp.behaviours.state_machine.results",
    "MachineOk": "otp.behaviours.state_machine.results",
    "NamedTimeout": "otp.behaviours.state_machine.results",
    "NextEvent": "otp.behaviours.state_machine.results",
    "NextState": "otp.behaviours.state_machine.results",
    "OsProcess": "otp.behaviours.os_process.os_process",
    "Output": "otp.behaviours.os_process.os_process",
    "PartitionSupervisor": "otp.behaviours.supervisor.partition_supervisor",
    "PopModule": "otp.behaviours.state_machine.results",
    "Postpone": "otp.behaviours.state_machine.results",
    "PushModule": "otp.behaviours.state_machine.results",
    "Registry": "otp.behaviours.registry.registry",
    "RegistryEntry": "otp.behaviours.registry.registry",
    "RepeatState": "otp.behaviours.state_machine.results",
    "RepeatStateAndData": "otp.behaviours.state_machine.results",
    "ReplyTo": "otp.behaviours.state_machine.results",
    "Shared": "otp.behaviours.supervisor.argument_copy",
    "StateTimeout": "otp.behaviours.state_machine.results",
    "observe": "otp.doors",
    "StopAndReply": "otp.behaviours.state_machine.results",
    "Supervisor": "otp.behaviours.supervisor.supervisor",
    "Task": "otp.behaviours.task.task",
    "TaskExit": "otp.behaviours.task.task",
    "TaskOk": "otp.behaviours.task.task",
    "TaskReply": "otp.behaviours.task.task",
    "TaskStream": "otp.behaviours.task.stream",
    "TaskSupervisor": "otp.behaviours.task.task_supervisor",
    "controlling_process": "otp.kernel.tables.openings",
}
"""Names whose modules are imported on first use, so that a program pays only for what it uses."""

_FACES: Final = frozenset({"code", "observer", "sys", "testing"})
"""Modules that are available after `import otp`: `otp.sys.get_state(pid)`."""


if not TYPE_CHECKING:  # else a type checker would accept any misspelt name

    def __getattr__(name):
        if name == "random":  # the random source belongs to the running scheduler, not to this module
            return import_module("otp.kernel.tables.here").random_here()
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
