"""What an operation gets besides its parameters: who asks, where it acts, and whether it may act at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from superlearner.arsenal.users import User

if TYPE_CHECKING:
    import otp
    from superlearner.running import Platform

__all__ = ["Context", "DryRun"]


class DryRun(Exception):
    """Ends a dry run at the place where it would begin to change something; says what it would do."""

    def __init__(self, would: str, affects: Sequence[str]) -> None:
        super().__init__(would)
        self.would = would
        self.affects = tuple(affects)


@dataclass(slots=True)
class Context:
    """One execution of an operation.

    `door` is how it came: `rest`, `cli`, `console`, `mcp`, `page` or `test`.
    """

    platform: Platform
    user: User
    door: str = "test"
    dry_run: bool = False
    announced: list[str] = field(default_factory=list[str])

    @property
    def node(self) -> otp.Node:
        """The node it acts on."""
        return self.platform.running_node()

    def about_to(self, would: str, affects: Sequence[str] = ()) -> None:
        """Say what is done next, in one sentence that goes on from "would …"; a dry run ends here.

        Every operation that changes something says so after its checks and before the first change; `affects` names the
        processes that feel it.
        """
        if self.dry_run:
            raise DryRun(would, affects)
        self.announced.append(would)
