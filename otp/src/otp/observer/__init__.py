"""Inspecting a node without affecting it.

All functions read the runtime's own tables and return frozen, bounded records: no message is sent, no callback and no
`__repr__` of a program runs, so a stuck or hostile process is shown like any other. Call them in the thread of the
node's scheduler.

>>> import otp
>>> from otp import Children, GenServer, Ok, Supervisor, impl, observer
>>> class Ledger(GenServer[dict]):
...     @impl
...     def init(self, arg):
...         return Ok({"owner": "ada", "token": "t0p"})
>>> class Bank(Supervisor):
...     @impl
...     def init(self, arg):
...         return Children([Ledger.child_spec(name="ledger")])
>>> async def main():
...     bank = await Bank.start_link(None, name="bank")
...     node = otp.trace.node_of(bank)
...     (root,) = observer.supervision_tree(node, root=bank).roots
...     ledger = observer.process(node, root.children[0].pid)
...     return root.name, root.strategy, ledger.name, ledger.state
>>> otp.run(main)
('bank', 'one_for_one', 'ledger', "{'owner': 'ada', 'token': ***}")

Source: Erlang's `observer` and `process_info/1`; the rule *no message to user code* is ours.
"""

from __future__ import annotations

from otp.observer.events import EventView, Missed, TraceSpec
from otp.observer.failures import NotPermitted, ViewError
from otp.observer.faults import FaultKind, InjectedFault, inject
from otp.observer.graph import Edge, Graph, graph
from otp.observer.inspection import info, process, processes, supervision_tree
from otp.observer.last_states import LastMessages, LastStates, keep_last_states
from otp.observer.mailbox import MailboxPage, MessageKind, MessageView, SentKind, drop_messages, mailbox
from otp.observer.metrics import Metrics, metrics
from otp.observer.node_view import LocalView, NodeView
from otp.observer.operations import ChildStart
from otp.observer.remote_view import Link, RemoteView
from otp.observer.sizes import Memory, memory
from otp.observer.sources import Code, Running, running
from otp.observer.stream import EventStream
from otp.observer.terms import Opaque
from otp.observer.unfolding import State, Term, seen_state, unfold
from otp.observer.view_requests import view_requests
from otp.observer.view_server import ViewOf, ViewServer
from otp.observer.views import (
    Budget,
    ChildCounts,
    ChildExit,
    ChildPage,
    ChildView,
    NodeInfo,
    Place,
    ProcessDetails,
    ProcessPage,
    ProcessSummary,
    Reloaded,
    ReloadedServer,
    SupervisorView,
    Tree,
)
from otp.observer.waits import Wait, waits

__all__ = [
    "Budget",
    "ChildCounts",
    "ChildExit",
    "ChildPage",
    "ChildStart",
    "ChildView",
    "Code",
    "Edge",
    "EventStream",
    "EventView",
    "FaultKind",
    "Graph",
    "InjectedFault",
    "LastMessages",
    "LastStates",
    "Link",
    "LocalView",
    "MailboxPage",
    "Memory",
    "MessageKind",
    "MessageView",
    "Metrics",
    "Missed",
    "NodeInfo",
    "NodeView",
    "NotPermitted",
    "Opaque",
    "Place",
    "ProcessDetails",
    "ProcessPage",
    "ProcessSummary",
    "Reloaded",
    "ReloadedServer",
    "RemoteView",
    "Running",
    "SentKind",
    "State",
    "SupervisorView",
    "Term",
    "TraceSpec",
    "Tree",
    "ViewError",
    "ViewOf",
    "ViewServer",
    "Wait",
    "drop_messages",
    "graph",
    "info",
    "inject",
    "keep_last_states",
    "mailbox",
    "memory",
    "metrics",
    "process",
    "processes",
    "running",
    "seen_state",
    "supervision_tree",
    "unfold",
    "view_requests",
    "waits",
]
