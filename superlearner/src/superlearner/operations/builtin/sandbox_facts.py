"""Details of sandboxes: source, output, notices, templates, and the isolation on this machine."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from superlearner.control.terms import safe_text
from superlearner.operations.builtin.sandboxes import SandboxId
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.failures import OperationError
from superlearner.operations.results.sandboxes import (
    SandboxOutput,
    SandboxSource,
    SandboxTemplate,
    WallsHere,
    describe_wall,
)
from superlearner.operations.rights.sandbox_access import THERE, allow, find_sandbox
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.our_paths import without_our_paths
from superlearner.sandbox.record import BUILT_IN
from superlearner.sandbox.sandboxes import SandboxNotice
from superlearner.sandbox.template import templates
from superlearner.settings.settings import Settings

SHOWN: Final = 64_000


@operation("sandbox.source", http=("GET", "/sandboxes/{sandbox_id}/source"), scope="read", on="platform", of="sandbox",
           errors=(*THERE, "source_not_found"), short="source")  # fmt: skip
async def source(
    ctx: Context,
    sandboxes: Sandboxes,
    /,
    sandbox_id: SandboxId,
    version: Annotated[int | None, Field(ge=1, description="a version; by default the current one")] = None,
) -> SandboxSource:
    """Show the source of a sandbox.

    The running version or a previous one. All but the first version of a demo or template needs the scope `code`, or
    `own` on an own sandbox.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    wanted = sandbox.current if version is None else version
    if wanted != 1 or sandbox.configuration.origin not in BUILT_IN:
        allow(ctx, sandbox, "code")
    for one in sandbox.versions:
        if one.number == wanted:
            by = sandbox.ran_by if wanted == sandbox.current and sandbox.ran_by else one.by
            return SandboxSource(
                id=sandbox.id, version=wanted, starts=one.source.starts, source=safe_text(one.source.text), by=by
            )
    kept = ", ".join(str(one.number) for one in sandbox.versions) or "none"
    raise OperationError(
        "source_not_found", f"{sandbox.id} has no source of version {wanted}", hint=f"expected one of {kept}"
    )


@operation("sandbox.output", http=("GET", "/sandboxes/{sandbox_id}/output"), scope="operate", on="platform",
           of="sandbox", errors=THERE, short="text")  # fmt: skip
async def output(ctx: Context, sandboxes: Sandboxes, /, sandbox_id: SandboxId) -> SandboxOutput:
    """Show the output of a sandbox.

    The last 64 kB of its standard output and standard error, tracebacks included. It stays when the sandbox ends.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    await sandboxes.refresh(sandbox.id, output=True)
    text, total, cut = sandboxes.output(sandbox.id)
    shown = safe_text(without_our_paths(text[-SHOWN:]))
    return SandboxOutput(id=sandbox.id, text=shown, total=total, cut=cut or len(text) > SHOWN)


@operation("sandbox.notices", http=("GET", "/sandboxes/{sandbox_id}/notices"), scope="read", on="platform",
           of="sandbox", errors=THERE)  # fmt: skip
async def notices(ctx: Context, sandboxes: Sandboxes, /, sandbox_id: SandboxId) -> list[SandboxNotice]:
    """List the events of a sandbox.

    Starts and exits with their reasons, and interrupted callbacks; the latest 50, newest first.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    return list(reversed(sandboxes.notices(sandbox.id)))


@operation(
    "sandbox.templates",
    http=("GET", "/sandbox-templates"),
    scope="read",
    on="platform",
    of="everyone",
    short="id title about",
)
async def list_templates(ctx: Context) -> list[SandboxTemplate]:
    """List the templates for sandboxes.

    Complete programs with a supervision tree, each with things to try.
    """
    return [SandboxTemplate(id=one.id, title=one.title, about=one.about, source=one.text) for one in templates()]


@operation("sandbox.walls", http=("GET", "/sandbox-walls"), scope="read", on="platform", of="everyone",
           short="says walls.name,up,means,says")  # fmt: skip
async def walls(sandboxes: Sandboxes, settings: Settings, /) -> WallsHere:
    """Show the isolation of sandboxes on this machine.

    Each layer with its mechanism, or the reason why it is missing.
    """
    found = await sandboxes.walls()
    up = sum(one.up for one in found)
    missing = [one.name for one in found if one.required and not one.up]
    says = f"{up} of {len(found)} isolation layers active"
    if missing:
        says += f"; missing: {', '.join(missing)}, so run only your own code"
    return WallsHere(
        up=up,
        of=len(found),
        untrusted=not missing,
        weak=bool(missing) and settings.weak_walls,
        says=says,
        walls=[describe_wall(one) for one in found],
    )
