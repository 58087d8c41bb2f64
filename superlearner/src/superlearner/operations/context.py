"""The context of an execution: its user, its node, and checks of permission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from superlearner.base.commands import command
from superlearner.nodes.kinds import PLATFORM, NodeKind
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.permitted import refusal, remedy
from superlearner.operations.rights.users import NODE_SCOPES, Scope, User

if TYPE_CHECKING:
    import otp
    from superlearner.nodes.nodes import Nodes, WatchedNode

__all__ = ["Context", "DryRun"]

LONGEST_NAME: Final = 200
INTERFACES: Final = frozenset({"rest", "cli", "console", "mcp", "page", "test"})
"""The interfaces that clients name; `claims` of a context is one of these, or `other`."""


class DryRun(Exception):
    """The end of a dry run, raised before the first change; it carries what the operation would do."""

    def __init__(self, would: str, affects: Sequence[str]) -> None:
        super().__init__(would)
        self.would = would
        self.affects = tuple(affects)


@dataclass(slots=True)
class Context:
    """The context of one execution of an operation.

    `nodes` holds all available nodes. `door` is how the request came in, as the server saw it: by a `session` of a
    browser, by a `token`, over `loopback` without a credential, over the `link` of a node, or in a `test`. `claims` is
    what the client says it is: `rest`, `cli`, `console`, `mcp` or `page`; anything else becomes `other`. `on` is the
    name of a node or the id of a sandbox, None for the platform's own node; `execute` fills in the default node.
    """

    nodes: Nodes
    user: User
    door: str = "test"
    dry_run: bool = False
    on: str | None = None
    announced: list[str] = field(default_factory=list[str])
    later: list[Callable[[], object]] | None = None
    """On a node in another program: what to do once the answer is sent, since it may block that program."""

    takes_force: str | None = None
    """The reason why the operation needs `force` and the scope `admin`, found by a dry run."""
    claims: str = "test"
    conceals: bool = False
    """True once a refusal is worded as if the thing did not exist; the audit log has it, too."""

    permitted: frozenset[Scope] = frozenset(NODE_SCOPES)
    """The scopes that the service of the node permits to any user."""

    asked: str | None = field(init=False, default=None)
    """The node as the request names it."""

    def __post_init__(self) -> None:
        self.asked = self.on
        if self.claims not in INTERFACES:
            self.claims = "other"
        if self.on is not None:
            self.on = self.nodes.node_of(self.on)

    def on_node(self, node: str) -> Context:
        """Return the context of another operation of the same client, on this node."""
        return Context(self.nodes, self.user, self.door, on=node, claims=self.claims)

    @property
    def found(self) -> WatchedNode | RemoteNode:
        """The node the operation acts on, local or remote.

        Raises:
            OperationError: `node_not_found`.
        """
        found = self.nodes.find(self.home.name if self.on is None else self.on)
        if found is None:
            raise self._no_node((self.on or "")[:LONGEST_NAME])
        return found

    def _no_node(self, name: str) -> OperationError:
        """Return the error for an unknown node, with the reason for its absence or a suggestion."""
        nodes = self.nodes
        if self.on == nodes.default:
            why = nodes.left.get(self.on or "", "it has not started yet")
            hint = f"its history is at GET /api/v1/analytics/history; {self.home.name} is available"
            return OperationError("node_unavailable", f"{self.on} is not available now: {why}", hint=hint)
        if (absence := nodes.absence(name)) is not None:
            code = "node_unavailable" if absence.is_awaited else "node_not_found"
            return OperationError(code, absence.why, hint=absence.hint)
        known = [one.name for one in nodes]
        own = {one.partition("@")[0]: one for one in known}  # the host is similar in all of them
        near = get_close_matches(name.partition("@")[0], own, 1)
        meant = f"; did you mean {own[near[0]]}?" if near else ""
        return OperationError(
            "node_not_found", f"there is no node {name!r}{meant}", hint=f"expected one of {', '.join(known)}"
        )

    @property
    def home(self) -> otp.Node:
        """The node on which the platform itself runs."""
        return self.nodes.home

    @property
    def remote(self) -> RemoteNode | None:
        """The node if it runs in another process, None if in this one. Raises as `found`."""
        found = None if self.on is None else self.found
        return found if isinstance(found, RemoteNode) else None

    @property
    def watched(self) -> WatchedNode:
        """The node with the platform's records of it. Raises as `found`."""
        found = self.found
        if isinstance(found, RemoteNode):
            raise RuntimeError(f"{found.name} is in another process; this is a bug in SuperLearner, please report it")
        return found

    @property
    def node(self) -> otp.Node:
        """The node the operation acts on. Raises as `watched`."""
        return self.watched.node

    @property
    def node_name(self) -> str:
        """The name that the node has on the platform, which its own program may not know. Raises as `watched`."""
        return self.nodes.called or self.node.name

    @property
    def kind(self) -> NodeKind:
        """The kind of the node. Raises as `found`."""
        return PLATFORM if self.on is None else self.found.kind

    def command(self, operation: str, *arguments: object, **options: object) -> str:
        """Return the command line of an operation on the node of this execution, see `superlearner.base.commands`."""
        return command(operation, *arguments, node=self.nodes.option_of(self.on), **options)

    @property
    def owner(self) -> str | None:
        """The owner of the node; None if it has none, like the platform's own node."""
        found = None if self.on is None else self.nodes.find(self.on)
        return None if found is None else found.owner

    def owner_of(self, node: str | None) -> str | None:
        """Return the owner of a node by its name; None if it has none, or is gone."""
        found = None if node is None else self.nodes.find(node)
        return None if found is None else found.owner

    def missing_scope(self, what: str, scope: Scope, hint: str = "") -> OperationError:
        """Return the error for a user without the scope that `what` needs."""
        if scope in NODE_SCOPES and scope not in self.permitted:
            return OperationError("missing_scope", refusal(what, scope, self.permitted), hint=remedy(scope))
        if self.user.only_own:
            hint = hint or "the scope own covers your own nodes and recordings; for more, ask your teacher"
        scopes = ", ".join(sorted(self.user.scopes))
        return OperationError(
            "missing_scope",
            f"{what} needs the scope {scope}, and {self.user.display_name} has {scopes or 'none'}",
            hint=hint
            or ("the owner has it; " if scope == "admin" else "")
            + f"send a credential: `{command('token')}` prints the owner's",
        )

    def check_secrets(self, *, redact: bool) -> None:
        """Check that the user may see secrets, unless they are redacted.

        Raises:
            OperationError: `missing_scope`.
        """
        if not redact and not self.user.may("code", self.owner):
            raise self.missing_scope("to see secrets", "code")

    def about_to(self, would: str, affects: Sequence[str] | Callable[[], Sequence[str]] = ()) -> None:
        """Announce the next change in words that continue "would …"; a dry run ends here.

        Every operation that changes something calls this after its checks and before the first change.

        Args:
            would: the change.
            affects: the affected processes, or a function that finds them, which only a dry run calls.

        Raises:
            DryRun: this is a dry run.
        """
        if self.dry_run:
            forced = "" if self.takes_force is None else f"; it needs force and the scope admin: {self.takes_force}"
            raise DryRun(would + forced, affects() if callable(affects) else affects)
        self.announced.append(would)
