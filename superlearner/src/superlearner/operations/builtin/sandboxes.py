"""Sandboxes: nodes of their own, in programs of their own, for code that may loop, leak or end itself."""

from __future__ import annotations

import errno
import os
import stat
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field

import otp
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results_sandboxes import (
    LimitsGiven,
    SandboxPid,
    SandboxRecord,
    SandboxReload,
    SandboxServer,
    SandboxVersion,
    Strategy,
    limits_of,
    record_of,
    version_of,
)
from superlearner.operations.sandbox_access import THERE, allow, ask, found, may_run_here
from superlearner.operations.tokens import Tokens
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.happenings import Create, Destroy, Reload, Restart
from superlearner.sandbox.memory import memory_of
from superlearner.sandbox.record import Configuration, Origin, Sandbox, node_of_sandbox
from superlearner.sandbox.source import MOST_SOURCE, Source, SourceProblem, check_source
from superlearner.sandbox.told import Report
from superlearner.settings.settings import Settings

ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
DEMOS: Final = {
    "demo_one_for_one": "superlearner.demo.one_for_one:DemoOneForOne",
    "shop": "superlearner.demo.shop:Shop",
}
STARTS: Final = ("conflict", "start_failed", "service_unavailable", "sandbox_already_exists")
LONGEST: Final = 500

SandboxId = Annotated[
    str, Field(max_length=200, description="the id of a sandbox", examples=["my_first"]), Picker("sandbox")
]
SourceText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MOST_SOURCE,
        description="Python with the class `Main`, or one Supervisor or Application",
        examples=["from superlearner.demo import DemoOneForOne as Main"],
        json_schema_extra={"format": "python"},
    ),
]
SHORT: Final = "id status reason node restart_count os_pid"


@operation("sandbox.list", http=("GET", "/sandboxes"), scope="read", on="platform",
           short="id status reason created_at restart_count memory_bytes configuration.origin node owner")  # fmt: skip
async def list_sandboxes(sandboxes: Sandboxes, /, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[SandboxRecord]:
    """List the sandboxes.

    Also those that have ended, with why. The newest comes first.
    """
    sandboxes.prepare()
    everyone = sandboxes.all()
    start = (page - 1) * per_page
    shown = everyone[start : start + per_page]
    memory = await memory_of(shown)
    return Paged([record_of(one, memory.get(one.id)) for one in shown], len(everyone), page, per_page)


@operation("sandbox.info", http=("GET", "/sandboxes/{sandbox_id}"), scope="read", on="platform", owned=True,
           errors=THERE,
           short="id status reason node created_at restart_count owner os_pid supervisor_pid "
                 "configuration.origin,title,supervisor_module,strategy,max_restarts,max_seconds,custom_config,limits "
                 "walls.name,up,means")  # fmt: skip
async def info(ctx: Context, sandboxes: Sandboxes, /, sandbox_id: SandboxId) -> SandboxRecord:
    """What is known of a sandbox.

    What runs in it is asked with its `node`, as of any node.
    """
    sandbox = found(sandboxes, sandbox_id)
    allow(ctx, sandbox, "read")
    return record_of(sandbox, (await memory_of([sandbox])).get(sandbox.id))


@operation("sandbox.pid", http=("GET", "/sandboxes/{sandbox_id}/pid"), scope="read", on="platform", owned=True,
           errors=(*THERE, "conflict"))  # fmt: skip
async def pid(ctx: Context, sandboxes: Sandboxes, /, sandbox_id: SandboxId) -> SandboxPid:
    """Where a sandbox runs.

    Its node, its process of the operating system, and the pid of its top supervisor.
    """
    sandbox = found(sandboxes, sandbox_id)
    allow(ctx, sandbox, "read")
    if sandbox.os_pid is None or sandbox.supervisor_pid is None:
        raise OperationError("conflict", f"{sandbox.id} does not run: it {sandbox.busy or 'has ended'}")
    return SandboxPid(id=sandbox.id, node=sandbox.node, os_pid=sandbox.os_pid, supervisor_pid=sandbox.supervisor_pid)


@operation("sandbox.create", http=("POST", "/sandboxes"), scope="operate", on="platform", changes=True, owned=True,
           errors=STARTS, short=SHORT)  # fmt: skip
async def create(
    ctx: Context,
    sandboxes: Sandboxes,
    settings: Settings,
    tokens: Tokens,
    /,
    sandbox_id: Annotated[
        str, Field(pattern=ID, description="a name of letters, digits, `_` and `-`; at most 64", examples=["my_first"])
    ],
    source: SourceText | None = None,
    supervisor_module: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
            max_length=300,
            description="`package.module:Class` that is installed here",
        ),
    ] = None,
    demo: Annotated[
        Literal["demo_one_for_one", "shop"] | None, Field(description="one of ours", examples=["demo_one_for_one"])
    ] = None,
    file: Annotated[
        str | None,
        Field(
            max_length=1000,
            description="a Python file of the machine where the platform runs",
            json_schema_extra={"format": "path"},
        ),
    ] = None,
    strategy: Annotated[Strategy | None, Field(description="instead of that of the code")] = None,
    max_restarts: Annotated[int | None, Field(ge=0, le=1_000_000, description="instead of that of the code")] = None,
    max_seconds: Annotated[float | None, Field(gt=0, le=86_400, description="instead of those of the code")] = None,
    custom_config: Annotated[
        Any, Field(description="what `init` of the top supervisor, or `start` of the application, gets")
    ] = None,
    limits: Annotated[LimitsGiven | None, Field(description="what it may take")] = None,
) -> SandboxRecord:
    """Create a sandbox.

    Of one of `source`, `supervisor_module`, `demo` and `file`: a node of its own in a program of its own, behind walls.
    All but a demo needs the scope `code`, or `own`: who creates it owns it. A source is read before anything starts,
    and what is wrong with it is told with line and column. It answers when the tree runs; a dry run only reads it.
    """
    given = {"source": source, "file": file, "module": supervisor_module, "demo": demo}
    origins: list[Origin] = [name for name in ("source", "file", "module", "demo") if given[name] is not None]
    if len(origins) != 1:
        told = f"expected one of source, supervisor_module, demo and file, got {' and '.join(origins) or 'none'}"
        raise OperationError("validation_error", told)
    origin = origins[0]
    _check_scope(ctx, origin)
    text = await _read(file) if file is not None else source
    known = None if text is None else await _checked(text)
    configuration = Configuration(
        origin,
        DEMOS[demo] if demo is not None else supervisor_module,
        demo if demo is not None else file,
        strategy,
        max_restarts,
        max_seconds,
        custom_config,
        limits_of(limits or LimitsGiven()),
    )
    await may_run_here(ctx, sandboxes, settings, tokens)
    ctx.about_to(f"start the sandbox {sandbox_id} with {_what(configuration, known)}")
    made = await ask(ctx, Create(None, sandbox_id, ctx.user.name, node_of_sandbox(sandbox_id), configuration, known))
    return record_of(made)


@operation("sandbox.restart", http=("POST", "/sandboxes/{sandbox_id}/restart"), scope="operate", on="platform",
           changes=True, owned=True, errors=(*THERE, *STARTS, "sandbox_busy"), short=SHORT)  # fmt: skip
async def restart(
    ctx: Context,
    sandboxes: Sandboxes,
    settings: Settings,
    tokens: Tokens,
    /,
    sandbox_id: SandboxId,
    source: Annotated[SourceText | None, Field(description="another source, which needs the scope code")] = None,
) -> SandboxRecord:
    """Start a sandbox anew.

    Its configuration is kept and its old tree is gone before the new one starts. Also for one that has ended.
    """
    sandbox = found(sandboxes, sandbox_id)
    allow(ctx, sandbox, "operate" if source is None else "code")
    known = None if source is None else await _checked(source)
    await may_run_here(ctx, sandboxes, settings, tokens)
    ctx.about_to(f"start {sandbox.id} anew{'' if known is None else ' with another source'}")
    return record_of(await ask(ctx, Restart(None, sandbox.id, ctx.user.name, known)))


@operation("sandbox.destroy", http=("DELETE", "/sandboxes/{sandbox_id}"), scope="operate", on="platform", changes=True,
           destroys=True, owned=True, errors=(*THERE, "sandbox_busy", "service_unavailable"),
           short="id status reason")  # fmt: skip
async def destroy(
    ctx: Context,
    sandboxes: Sandboxes,
    /,
    sandbox_id: SandboxId,
    force: Annotated[bool, Field(description="kill its processes instead of stopping them in order")] = False,
) -> SandboxRecord:
    """End a sandbox and forget it.

    In order, from the leaves to the root, within 5 s; `sandbox_busy` if something does not stop. With `force` its whole
    process group is killed.
    """
    sandbox = found(sandboxes, sandbox_id)
    allow(ctx, sandbox, "operate")
    ctx.about_to(f"{'kill' if force else 'stop'} {sandbox.id} and forget it")
    return record_of(await ask(ctx, Destroy(None, sandbox.id, force)))


@operation("sandbox.hot_reload", http=("POST", "/sandboxes/{sandbox_id}/hot-reload"), scope="code", on="platform",
           changes=True, owned=True,
           errors=(*THERE, "conflict", "sandbox_busy", "upgrade_refused", "service_unavailable"),
           short="id version changed servers.name,what,before,after,pid still_old")  # fmt: skip
async def hot_reload(
    ctx: Context,
    sandboxes: Sandboxes,
    /,
    sandbox_id: SandboxId,
    source: SourceText | None = None,
    version: Annotated[int | None, Field(ge=1, description="instead: a version that ran before")] = None,
) -> SandboxReload:
    """Put a new source into a sandbox that runs.

    All its processes go over to it with their pids, mailboxes and states (`code_change` makes the new state of the old
    one), or none does and everything is as before. The answer shows who went over, with the state before and after.
    """
    sandbox = found(sandboxes, sandbox_id)
    allow(ctx, sandbox, "code")
    if (source is None) == (version is None):
        raise OperationError("validation_error", "expected one of source and version")
    known = await _checked(source) if source is not None else _version(sandbox, version)
    ctx.about_to(f"let what runs in {sandbox.id} go over to another source")
    report = await ask(ctx, Reload(None, sandbox.id, ctx.user.name, known))
    now = found(sandboxes, sandbox_id)
    if report is None:
        return SandboxReload(id=now.id, version=now.current, changed=False, servers=[], servers_count=0, still_old=[])
    return _reload(now, report)


@operation("sandbox.versions", http=("GET", "/sandboxes/{sandbox_id}/versions"), scope="read", on="platform",
           owned=True, errors=THERE, short="version current lines created_at by")  # fmt: skip
async def versions(ctx: Context, sandboxes: Sandboxes, /, sandbox_id: SandboxId) -> list[SandboxVersion]:
    """List the sources that ran in a sandbox.

    The newest first; the last ten are kept.
    """
    sandbox = found(sandboxes, sandbox_id)
    allow(ctx, sandbox, "read")
    return [version_of(one, sandbox.current) for one in reversed(sandbox.versions)]


def _check_scope(ctx: Context, origin: Origin) -> None:
    """A demo is ours; other code takes `code`, or to own it. A file of this machine is nobody's but its owner's."""
    user = ctx.user
    needed = "operate" if origin == "demo" else "code"
    if user.may(needed) or (origin != "file" and user.may(needed, user.name)):
        return
    raise OperationError(
        "missing_scope",
        f"a sandbox from a {origin} needs the scope {needed}, and {user.name} has "
        f"{', '.join(sorted(user.scopes)) or 'none'}",
        hint="send a credential: `superlearner token` prints the owner's; or try a demo",
    )


async def _checked(text: str) -> Source:
    """The source that a text is. Raises OperationError: what is wrong with it, and where."""
    try:
        return await check_source(text)
    except SourceProblem as problem:
        where = f"line {problem.line}, column {problem.column}: {problem.message}"
        raise OperationError(
            "validation_error", f"source: {where}", details=[Detail("source", where, problem.hint)]
        ) from None


async def _read(file: str) -> str:
    def read() -> str:
        if not stat.S_ISREG(os.stat(file).st_mode):  # a pipe that nobody writes would be waited for, for ever
            raise OSError(errno.EINVAL, "it is no regular file")
        with open(file, encoding="utf-8-sig") as opened:
            return opened.read(MOST_SOURCE + 1)

    try:
        text = await otp.Task.run_blocking(read)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise OperationError("validation_error", f"file: {file[:200]} cannot be read: {why}") from None
    if len(text) > MOST_SOURCE:
        raise OperationError("validation_error", f"file: expected at most {MOST_SOURCE} characters")
    return text


def _version(sandbox: Sandbox, number: int | None) -> Source:
    for one in sandbox.versions:
        if one.number == number:
            return one.source
    kept = ", ".join(str(one.number) for one in sandbox.versions) or "none"
    raise OperationError("validation_error", f"version: {sandbox.id} has no version {number}", hint=f"kept are {kept}")


def _what(configuration: Configuration, source: Source | None) -> str:
    if configuration.origin == "source" and source is not None:
        return f"the class {source.starts} of the source"
    return f"the {configuration.origin} {configuration.title or configuration.module}"


def _reload(sandbox: Sandbox, report: Report) -> SandboxReload:
    """What a sandbox told of its reload."""
    return SandboxReload(
        id=sandbox.id,
        version=sandbox.current,
        changed=True,
        servers=[SandboxServer(**msgspec.structs.asdict(one)) for one in report.servers],
        servers_count=max(report.servers_count, len(report.servers)),
        still_old=report.still_old,
    )
