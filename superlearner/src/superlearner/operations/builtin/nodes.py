"""The nodes that the platform observes."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from otp.observer import NodeInfo
from superlearner.cluster.members import Members
from superlearner.control.listing import info_of
from superlearner.control.terms import clip
from superlearner.nodes.attaching import Attachments
from superlearner.nodes.kinds import MEMBER, PLATFORM, SERVICE, SIMULATED
from superlearner.nodes.nodes import Nodes, WatchedNode
from superlearner.nodes.remote import BadAnswer, NodeGone, RemoteError, RemoteNode
from superlearner.nodes.remote.protocol import Fact
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.results import NodeLine
from superlearner.operations.rights.homes import home_node
from superlearner.operations.rights.users import User

ASKED_S: Final = 0.5
"""Seconds that a node in another process has to answer."""


@operation("node.list", http=("GET", "/nodes"), scope="read", on="platform", of="user",
           short="name status life owner processes supervisors python")  # fmt: skip
async def list_(
    ctx: Context, nodes: Nodes, members: Members | None, attachments: Attachments | None, /
) -> list[NodeLine]:
    """List the nodes.

    The platform's own comes first. Pass a name as `node` to other operations. Nodes in other processes have half a
    second to report their state. A cluster member that disappeared without leaving is `lost` until it is forgotten, and
    an attached service that is away is `gone`, or `silent` if its program runs; node.attached says why.
    """
    shown = (one for one in nodes if ctx.user.sees(one.owner))
    found = await asyncio.gather(*(_describe_node(one, ctx.user, nodes) for one in shown))
    lost = {} if members is None or ctx.user.only_own else members.lost()
    awaited = () if ctx.user.only_own else (*nodes.awaited, *nodes.missed)
    known = {one.name for one in nodes}
    return [
        *found,
        *(_describe_lost(name, simulated) for name, simulated in lost.items() if name not in known),
        *(_describe_awaited(name, attachments) for name in awaited if name not in known),
    ]


def _describe_awaited(name: str, attachments: Attachments | None) -> NodeLine:
    service = None if attachments is None else attachments.find(name)
    status = "gone" if service is None or not service.is_silent else "silent"
    return NodeLine(
        name=name, beside=True, own=False, default=False, remote=True, simulated=False, owner=None, kind=str(SERVICE),
        status=status, life=None, processes=None, supervisors=None, python=None, os_pid=None,
    )  # fmt: skip


def _describe_lost(name: str, simulated: bool) -> NodeLine:
    return NodeLine(
        name=name, beside=True, own=False, default=False, remote=not simulated, simulated=simulated, owner=None,
        kind=str(SIMULATED if simulated else MEMBER),
        status="lost", life=None, processes=None, supervisors=None, python=None, os_pid=None,
    )  # fmt: skip


async def _describe_node(found: WatchedNode | RemoteNode, user: User, nodes: Nodes) -> NodeLine:
    """Return the line of a node; a remote one has `ASKED_S` to answer."""
    status: Literal["up", "silent", "gone", "bad"] = "up"
    info: NodeInfo | Fact | None = None
    if isinstance(found, RemoteNode):
        try:
            info = await found.facts(ASKED_S)
        except RemoteError as error:
            status = "bad" if isinstance(error, BadAnswer) else "gone" if isinstance(error, NodeGone) else "silent"
    else:
        info = info_of(found.node)
    return NodeLine(
        name=found.name,
        beside=found.kind.listed_beside,
        own=found.kind is PLATFORM,
        default=nodes.find(home_node(user) if user.only_own else None) is found,
        remote=isinstance(found, RemoteNode),
        kind=str(found.kind),
        simulated=found.kind is SIMULATED,
        owner=found.owner,
        status=status,
        life=None if info is None else clip(info.life, 40),
        processes=None if info is None else info.processes,
        supervisors=None if info is None else info.supervisors,
        python=None if info is None else clip(info.python, 40),
        os_pid=None if info is None else info.os_pid,
    )
