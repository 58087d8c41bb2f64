"""Owners of nodes, sandboxes and recordings. For users who have only `own`, things of others do not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from superlearner.control.terms import clip
from superlearner.nodes.nodes import Nodes, WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.observing.tracing import NoRecording, Recordings
from superlearner.operations.context import Context
from superlearner.operations.declaration import THINGS, Operation
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.homes import Homes, home_node
from superlearner.operations.rights.sandbox_access import find_sandbox
from superlearner.operations.rights.users import User
from superlearner.sandbox import Sandboxes
from superlearner.store import StoreUnavailable

__all__ = ["Owners", "is_refused", "node_names", "not_their_node", "seen_node"]


def seen_node(nodes: Nodes, user: User, name: str | None) -> WatchedNode | RemoteNode | None:
    """Return the node of this name, or the default, if it exists for the user."""
    node = nodes.find(name)
    return node if node is not None and user.sees(node.owner) else None


def is_refused(nodes: Nodes, sandboxes: Sandboxes, user: User, name: str | None) -> bool:
    """Return whether a named node does not exist for the user; own sandboxes and the home do, even after their end."""
    if name is None or not user.only_own or name == home_node(user):
        return False
    mine = any(one.node == name and user.sees(one.owner) for one in sandboxes.all())
    return not mine and seen_node(nodes, user, name) is None


def node_names(nodes: Nodes, user: User) -> list[str]:
    """Return the names of the nodes that exist for the user; the default comes first."""
    return [one.name for one in nodes if user.sees(one.owner)] if user.only_own else nodes.names()


def not_their_node(operation: Operation, context: Context) -> OperationError:
    """Return the error for a node that the user does not see: the same for those of others and unknown ones."""
    known = ", ".join(node_names(context.nodes, context.user)) or "your sandboxes"
    what = f"{operation.name} on the node {clip(context.asked or '', 200)!r}"
    return context.missing_scope(what, operation.scope, hint=f"expected one of {known}")


class Owners:
    """The implementation of `seams.Ownership`.

    Args:
        services: those of the platform.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def admit(self, operation: Operation, context: Context, parameters: Mapping[str, Any]) -> None:
        """Check node and thing of a request, and choose the user's home if it names no node. Raises OperationError."""
        if context.user.only_own and operation.on_node:
            if context.on not in (None, home_node(context.user)):
                if not operation.outlives:
                    self._check_node(operation, context)
            elif operation.of in ("node", "events"):
                context.on = await self._services.get(Homes).node_of(self._services, context)
            elif seen_node(context.nodes, context.user, context.on) is None:
                context.on = None
        if operation.of in THINGS:
            name = parameters[THINGS[operation.of]]
            of_sandbox = operation.of == "sandbox"
            owner = self._of_sandbox(context, name) if of_sandbox else await self._of_recording(context, name)
            if not context.user.may(operation.scope, owner):
                raise context.missing_scope(f"the {operation.of} {name} of {owner or 'nobody'}", operation.scope)

    def _check_node(self, operation: Operation, context: Context) -> None:
        """Check that the node belongs to the user; the error is the same for those of others and unknown ones."""
        nodes, user = context.nodes, context.user
        if context.on == context.home.name and operation.of in ("everyone", "events"):
            return
        if not is_refused(nodes, self._services.get(Sandboxes), user, context.on):
            _ = context.found  # raises, with the reason, if their own sandbox has ended
            return
        raise not_their_node(operation, context)

    def _of_sandbox(self, context: Context, id: str) -> str:
        return find_sandbox(context, self._services.get(Sandboxes), id).owner

    async def _of_recording(self, context: Context, name: str) -> str | None:
        try:
            owner = (await self._services.get(Recordings).find(name)).owner
            if context.user.sees(owner):
                return owner
        except NoRecording:
            pass  # recorded like those of others: a learner's own events would tell the difference
        except StoreUnavailable as error:
            raise OperationError("store_unavailable", error.why) from None
        context.conceals = context.user.only_own
        message = f"there is no recording {clip(name, 100)!r}"
        raise OperationError("recording_not_found", message, hint="see GET /api/v1/recordings")
