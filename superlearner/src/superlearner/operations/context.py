"""What an operation gets besides its parameters: who asks, where it acts, and whether it may act at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from superlearner.nodes.kinds import PLATFORM, NodeKind
from superlearner.nodes.remote import RemoteNode
from superlearner.operations.failures import OperationError
from superlearner.operations.users import Scope, User

if TYPE_CHECKING:
    import otp
    from superlearner.nodes.nodes import Nodes, WatchedNode

__all__ = ["Context", "DryRun"]

LONGEST_NAME: Final = 200


class DryRun(Exception):
    """Ends a dry run at the place where it would begin to change something; says what it would do."""

    def __init__(self, would: str, affects: Sequence[str]) -> None:
        super().__init__(would)
        self.would = would
        self.affects = tuple(affects)


@dataclass(slots=True)
class Context:
    """One execution of an operation.

    `nodes` are all that can be asked. `door` is how it came: `rest`, `cli`, `console`, `mcp`, `page` or `test`; `on`
    names the node that is asked, or the sandbox whose node it is, None for the platform's own: `execute` puts the one
    there that is meant if none was named.
    """

    nodes: Nodes
    user: User
    door: str = "test"
    dry_run: bool = False
    on: str | None = None
    announced: list[str] = field(default_factory=list[str])
    takes_force: str | None = None
    """Why it takes force, if a dry run has found out that it does and none was given."""

    def __post_init__(self) -> None:
        if self.on is not None:
            self.on = self.nodes.node_of(self.on)

    @property
    def found(self) -> WatchedNode | RemoteNode:
        """The node that is asked, wherever it is.

        Raises:
            OperationError: `node_not_found`.
        """
        found = self.nodes.find(self.home.name if self.on is None else self.on)
        if found is None:
            raise self._no_node((self.on or "")[:LONGEST_NAME])
        return found

    def _no_node(self, name: str) -> OperationError:
        """Return the refusal where no node has this name: why it has gone, or what may be meant."""
        nodes = self.nodes
        if self.on == nodes.default:
            why = nodes.left.get(self.on or "", "it has not started yet")
            hint = f"what it did is at GET /api/v1/analytics/history; {self.home.name} is there"
            return OperationError("node_unavailable", f"{self.on} is not there just now: {why}", hint=hint)
        if (absence := nodes.absence(name)) is not None:
            return OperationError("node_not_found", absence.why, hint=absence.hint)
        known = [one.name for one in nodes]
        near = get_close_matches(name, known, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        return OperationError(
            "node_not_found", f"there is no node {name!r}{meant}", hint=f"expected one of {', '.join(known)}"
        )

    @property
    def home(self) -> otp.Node:
        """The node on which the platform itself runs."""
        return self.nodes.running_home()

    @property
    def remote(self) -> RemoteNode | None:
        """The node that is asked, if it is in another process; None for one of this program. Raises as `found`."""
        found = None if self.on is None else self.found
        return found if isinstance(found, RemoteNode) else None

    @property
    def watched(self) -> WatchedNode:
        """The node it acts on, with what the platform remembers of it. Raises as `found`."""
        found = self.found
        if isinstance(found, RemoteNode):
            raise RuntimeError(f"{found.name} is in another process; this is a bug of SuperLearner, please report it")
        return found

    @property
    def node(self) -> otp.Node:
        """The node it acts on. Raises as `watched`."""
        return self.watched.node

    @property
    def kind(self) -> NodeKind:
        """The kind of the node it acts on. Raises as `found`."""
        return PLATFORM if self.on is None else self.found.kind

    @property
    def owner(self) -> str | None:
        """Whose node it acts on; None for one that nobody owns, as the platform's."""
        found = None if self.on is None else self.nodes.find(self.on)
        return None if found is None else found.owner

    def missing_scope(self, what: str, scope: Scope) -> OperationError:
        """The refusal of `what` to who asks, for want of a scope."""
        return OperationError(
            "missing_scope",
            f"{what} needs the scope {scope}, and {self.user.name} has {', '.join(sorted(self.user.scopes)) or 'none'}",
            hint="send a credential: `superlearner token` prints the owner's",
        )

    def check_secrets(self, *, redact: bool) -> None:
        """That who asks may see secrets, unless they are hidden.

        Raises:
            OperationError: `missing_scope`.
        """
        if not redact and not self.user.may("code", self.owner):
            raise self.missing_scope("to see secrets", "code")

    def about_to(self, would: str, affects: Sequence[str] | Callable[[], Sequence[str]] = ()) -> None:
        """Say what is done next, in one sentence that goes on from "would …"; a dry run ends here.

        Every operation that changes something says so after its checks and before the first change; `affects` names the
        processes that feel it; what takes time to find out is a function, which only a dry run calls.
        """
        if self.dry_run:
            forced = "" if self.takes_force is None else f"; it takes force: {self.takes_force}"
            raise DryRun(would + forced, affects() if callable(affects) else affects)
        self.announced.append(would)
