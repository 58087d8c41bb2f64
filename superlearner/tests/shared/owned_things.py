"""Users of each role with things of their own: sandboxes in this program, and recordings."""

from __future__ import annotations

from typing import Any

from superlearner.nodes.kinds import SANDBOX
from superlearner.operations.context import Context
from superlearner.operations.declaration import Answer
from superlearner.operations.engine.examples import example_of
from superlearner.operations.engine.execution import checked, execute
from superlearner.operations.rights.users import ROLE_SCOPES, Role, User

__all__ = ["attaching", "call", "make_owned", "user"]


def user(name: str, role: Role, number: int = 1) -> User:
    """Return a user with all scopes of the role."""
    return User(name, ROLE_SCOPES[role], id=number, role=role)


def attaching(launchers: type[Any], platform: Any) -> Any:
    """Return a launcher of sandboxes in this program that attaches their nodes, as `PeerLauncher` does."""

    launcher = launchers()
    launch = launcher.launch

    async def attached(sandbox: Any, notice: Any) -> Any:
        program = await launch(sandbox, notice)
        platform.nodes.attach(program.node, owner=sandbox.owner, kind=SANDBOX)
        return program

    launcher.launch = attached
    return launcher


async def call(
    platform: Any, operation_name: str, who: User, /, *, node: str | None = None, dry_run: bool = False, **given: Any
) -> Answer:
    """Run an operation with the values of its example, and these."""
    operation = platform.arsenal.get(operation_name)
    chosen = {**example_of(operation), **given}
    if node is not None and any(one.name == "node" for one in operation.parameters):
        chosen["node"], node = node, None
    context = Context(platform.nodes, who, dry_run=dry_run, on=node)
    return await execute(platform.services, operation, context, checked(operation, chosen))


async def make_sandbox(platform: Any, who: User) -> str:
    """Create a sandbox `of_NAME`; return its id."""
    id = f"of_{who.name}"
    await call(platform, "sandbox.create", who, sandbox_id=id, demo="demo_one_for_one", source=None)
    return id


async def make_owned(platform: Any, who: User) -> None:
    """Create a sandbox `of_NAME` and a recording of it with the same name."""
    id = await make_sandbox(platform, who)
    await call(platform, "recording.start", who, node=id, name=id)
    await call(platform, "recording.stop", who, name=id)
