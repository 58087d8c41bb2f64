"""Sandboxes: nodes in separate processes, for code that may loop, leak or crash."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from pydantic import Field

import otp
from superlearner.base.commands import command
from superlearner.operations.builtin.sandbox_insides import UNREACHABLE, add_children, add_stats, top_of
from superlearner.operations.builtin.sandbox_members import MEMBER_ERRORS, choose_place
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.engine.registry import Registry
from superlearner.operations.engine.services import Services
from superlearner.operations.failures import Detail, OperationError
from superlearner.operations.parameters import PageNumber, PerPage
from superlearner.operations.results.sandboxes import (
    LimitsGiven,
    SandboxDestroyed,
    SandboxInfo,
    SandboxPid,
    SandboxRecord,
    SandboxReload,
    SandboxServer,
    SandboxVersion,
    Strategy,
    limits_of,
    record_of,
    version_of,
    warnings_of,
)
from superlearner.operations.rights.homes import HOME
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.sandbox_access import THERE, allow, ask, find_sandbox
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.happenings import Create, Destroy, Reload, Restart
from superlearner.sandbox.memory import memory_of
from superlearner.sandbox.messages import Report
from superlearner.sandbox.record import BUILT_IN, WORKBENCH, Configuration, Origin, Sandbox, node_of_sandbox
from superlearner.sandbox.source import MOST_SOURCE, Source, SourceProblem, check_source
from superlearner.sandbox.template import TemplateId
from superlearner.sandbox.template import template as read_template

ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
DEMOS: Final = {
    "demo_one_for_one": "superlearner.demo.one_for_one:DemoOneForOne",
    "shop": "superlearner.demo.shop:Shop",
}
STARTS: Final = (
    "conflict", "start_failed", "service_unavailable", "sandbox_already_exists", "quota_exceeded", *MEMBER_ERRORS,
)  # fmt: skip
MISTAKES: Final = ("validation_error", "start_failed", "upgrade_refused")
"""The codes of errors of a run that its code caused."""
LONGEST: Final = 500
RELOAD_S: Final = 20.0
"""Seconds for which a request waits for a reload, which goes on afterwards."""

SandboxId = Annotated[
    str, Field(max_length=200, description="the id of a sandbox", examples=["my_first"]), Picker("sandbox")
]
SourceText = Annotated[
    str,
    Field(
        max_length=MOST_SOURCE,
        description="Python with a class `Main`, or with a single Supervisor or Application",
        examples=["from superlearner.demo import DemoOneForOne as Main"],
        json_schema_extra={"format": "python"},
    ),
]
SHORT: Final = "id status reason node member restart_count os_pid"


@operation("sandbox.list", http=("GET", "/sandboxes"), scope="read", on="platform", of="user",
           short="id status reason created_at restart_count memory_bytes configuration.origin node member "
                 "owner")  # fmt: skip
async def list_sandboxes(
    ctx: Context,
    sandboxes: Sandboxes,
    /,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    status: Annotated[
        Literal["starting", "running", "stopping", "ended", "stopped"] | None,
        Field(description="only sandboxes with this status; `stopped` means `ended`"),
    ] = None,
) -> Paged[SandboxRecord]:
    """List the sandboxes.

    Newest first, including ended ones with the reason.
    """
    sandboxes.prepare()
    wanted = "ended" if status == "stopped" else status
    matching = [one for one in sandboxes.all() if wanted in (None, one.status) and ctx.user.sees(one.owner)]
    start = (page - 1) * per_page
    shown = matching[start : start + per_page]
    memory = await _memory_of(sandboxes, shown)
    return Paged([record_of(one, memory.get(one.id)) for one in shown], len(matching), page, per_page)


@operation("sandbox.info", http=("GET", "/sandboxes/{sandbox_id}"), scope="read", on="platform", of="sandbox",
           errors=(*THERE, *UNREACHABLE),
           short="id status reason node member created_at restart_count owner os_pid supervisor_pid "
                 "configuration.origin,title,supervisor_module,strategy,max_restarts,max_seconds,custom_config,limits "
                 "walls.name,up,means children.id,pid,alive,restarts,what uptime_seconds health_stats")  # fmt: skip
async def info(
    ctx: Context,
    sandboxes: Sandboxes,
    arsenal: Registry,
    /,
    sandbox_id: SandboxId,
    include_children: Annotated[bool, Field(description="with the children of its top supervisor")] = False,
    include_stats: Annotated[bool, Field(description="with its uptime, memory and the health of its tree")] = False,
) -> SandboxInfo:
    """Show a sandbox.

    Pass its `node` to other operations to inspect its processes. Children and statistics come from that node, so they
    fail if it does not answer.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    memory = (await _memory_of(sandboxes, [sandbox])).get(sandbox.id)
    shown = SandboxInfo(**record_of(sandbox, memory).model_dump(exclude_unset=True))
    if include_children or include_stats:
        top = await top_of(ctx, arsenal, sandbox)
        if include_children:
            add_children(shown, top)
        if include_stats:
            add_stats(shown, sandbox, top)
    return shown


@operation("sandbox.pid", http=("GET", "/sandboxes/{sandbox_id}/pid"), scope="read", on="platform", of="sandbox",
           errors=(*THERE, "conflict"))  # fmt: skip
async def pid(ctx: Context, sandboxes: Sandboxes, /, sandbox_id: SandboxId) -> SandboxPid:
    """Show where a sandbox runs.

    Its node, its operating system process, and the pid of its top supervisor.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    if sandbox.os_pid is None or sandbox.supervisor_pid is None:
        raise OperationError("conflict", f"{sandbox.id} is not running: it {sandbox.busy or 'has ended'}")
    return SandboxPid(id=sandbox.id, node=sandbox.node, os_pid=sandbox.os_pid, supervisor_pid=sandbox.supervisor_pid)


@operation("sandbox.create", http=("POST", "/sandboxes"), scope="operate", on="platform", changes=True, of="user",
           errors=STARTS, short=SHORT)  # fmt: skip
async def create(
    ctx: Context,
    sandboxes: Sandboxes,
    quotas: Quotas,
    services: Services,
    /,
    sandbox_id: Annotated[
        str, Field(pattern=ID, description="a name of letters, digits, `_` and `-`; at most 64", examples=["my_first"])
    ],
    source: Annotated[SourceText | None, Field(description="source code of the sandbox")] = None,
    supervisor_module: Annotated[
        str | None,
        Field(
            pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_]\w*|(Test)?DemoSupervisor)$",
            max_length=300,
            description="`package.module:Class` of an installed package; `TestDemoSupervisor` means `demo_one_for_one`",
        ),
    ] = None,
    demo: Annotated[
        Literal["demo_one_for_one", "shop"] | None, Field(description="a demo", examples=["demo_one_for_one"])
    ] = None,
    template: Annotated[
        TemplateId | None, Field(description="a template of `sandbox.templates`", examples=["counter"])
    ] = None,
    file: Annotated[
        str | None,
        Field(
            max_length=1000,
            description="a Python file on the machine of the platform",
            json_schema_extra={"format": "path"},
        ),
    ] = None,
    strategy: Annotated[Strategy | None, Field(description="overrides that of the code")] = None,
    max_restarts: Annotated[int | None, Field(ge=0, le=1_000_000, description="overrides that of the code")] = None,
    max_seconds: Annotated[float | None, Field(gt=0, le=86_400, description="overrides that of the code")] = None,
    custom_config: Annotated[
        Any, Field(description="argument of `init` of the top supervisor, or of `start` of the application")
    ] = None,
    limits: Annotated[LimitsGiven | None, Field(description="limits on its resources")] = None,
    node: Annotated[
        str | None,
        Field(max_length=200, description="the member of the cluster that runs it; by default the platform's machine"),
    ] = None,
) -> SandboxRecord:
    """Create a sandbox.

    A node in an isolated process that runs one of `source`, `supervisor_module`, `demo`, `template` and `file`. All but
    a demo or template need the `code` scope or `own`. The user becomes its owner. A source is checked before anything
    starts; errors have line and column. The result comes when the tree is running; a dry run only checks the source.
    """
    given = {"source": source, "file": file, "module": supervisor_module, "demo": demo, "template": template}
    origins: list[Origin] = [name for name in get_args(Origin) if given[name] is not None]
    if len(origins) != 1:
        problem = (
            "expected exactly one of source, supervisor_module, demo, template and file, "
            f"got {' and '.join(origins) or 'none'}"
        )
        raise OperationError("validation_error", problem)
    if sandbox_id.startswith(HOME):
        raise OperationError(
            "validation_error", f"sandbox_id: expected another beginning than {HOME}, got {sandbox_id}"
        )
    origin = origins[0]
    if supervisor_module is not None and ":" not in supervisor_module:
        origin, demo = "demo", "demo_one_for_one"
    _check_scope(ctx, origin)
    built_in = None if template is None else read_template(template)
    text = await _read(file) if file is not None else source if built_in is None else built_in.text
    member = await choose_place(ctx, services, node)
    with _counting_failures(ctx, sandboxes, sandbox_id, own=origin not in BUILT_IN):
        known = None if text is None else await _checked(text)
        configuration = Configuration(
            origin,
            DEMOS[demo] if demo is not None else supervisor_module,
            demo or file or (None if built_in is None else built_in.title),
            strategy,
            max_restarts,
            max_seconds,
            custom_config,
            limits_of(limits or LimitsGiven()),
            member,
        )
        where = "" if member is None else f" on {member}"
        ctx.about_to(f"start the sandbox {sandbox_id} with {_what(configuration, known)}{where}")
        who, its_node = ctx.user.name, node_of_sandbox(sandbox_id)
        admit = await quotas.admission(who)
        return record_of(await ask(ctx, Create(None, sandbox_id, who, its_node, configuration, known, admit)))


@operation("sandbox.restart", http=("POST", "/sandboxes/{sandbox_id}/restart"), scope="operate", on="platform",
           changes=True, of="sandbox", errors=(*THERE, *STARTS, "sandbox_busy"), short=SHORT)  # fmt: skip
async def restart(
    ctx: Context,
    sandboxes: Sandboxes,
    quotas: Quotas,
    services: Services,
    /,
    sandbox_id: SandboxId,
    source: Annotated[SourceText | None, Field(description="a new source, which needs the scope `code`")] = None,
) -> SandboxRecord:
    """Restart a sandbox.

    It keeps its configuration, and its old tree ends before the new one starts. An ended sandbox starts again.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    if source is not None:
        allow(ctx, sandbox, "code")
    await choose_place(ctx, services, sandbox.configuration.member)
    own = source is not None or sandbox.configuration.origin not in BUILT_IN
    with _counting_failures(ctx, sandboxes, sandbox.id, own=own):
        known = None if source is None else await _checked(source)
        ctx.about_to(f"restart {sandbox.id}{'' if known is None else ' with a new source'}")
        admit = await quotas.admission(sandbox.owner)
        return record_of(await ask(ctx, Restart(None, sandbox.id, ctx.user.name, known, admit)))


@operation("sandbox.destroy", http=("DELETE", "/sandboxes/{sandbox_id}"), scope="operate", on="platform", changes=True,
           destroys=True, of="sandbox", errors=(*THERE, "sandbox_busy", "service_unavailable"),
           short="id destroyed status reason")  # fmt: skip
async def destroy(
    ctx: Context,
    sandboxes: Sandboxes,
    /,
    sandbox_id: SandboxId,
    force: Annotated[bool, Field(description="kill its processes instead of shutting them down")] = False,
) -> SandboxDestroyed:
    """Stop a sandbox and delete it.

    Its tree stops from the leaves to the root; `sandbox_busy` if that takes more than 5 s. With `force` its process
    group is killed.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    ctx.about_to(f"{'kill' if force else 'stop'} {sandbox.id} and delete it")
    ended = record_of(await ask(ctx, Destroy(None, sandbox.id, force)))
    return SandboxDestroyed(**ended.model_dump(exclude_unset=True), sandbox_id=ended.id, destroyed=True)


@operation("sandbox.hot_reload", http=("POST", "/sandboxes/{sandbox_id}/hot-reload"), scope="code", on="platform",
           changes=True, of="sandbox",
           errors=(*THERE, "conflict", "sandbox_busy", "upgrade_refused", "service_unavailable"),
           short="id version changed status servers.name,what,before,after,pid still_old")  # fmt: skip
async def hot_reload(
    ctx: Context,
    sandboxes: Sandboxes,
    /,
    sandbox_id: SandboxId,
    source: Annotated[SourceText | None, Field(description="new source code")] = None,
    version: Annotated[int | None, Field(ge=1, description="a previous version, instead of `source`")] = None,
) -> SandboxReload:
    """Change the source of a running sandbox.

    All its processes change to the new code with their pids, mailboxes and states, which `code_change` converts, or
    none does. The result lists the upgraded processes with their states before and after.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    if (source is None) == (version is None):
        raise OperationError("validation_error", "expected either source or version")
    kept = None if source is not None else _version(sandbox, version)
    with _counting_failures(ctx, sandboxes, sandbox.id, own=True):
        known = kept or await _checked(source or "")
        ctx.about_to(f"upgrade {sandbox.id} to another source")
        try:
            async with asyncio.timeout(RELOAD_S):
                report = await ask(ctx, Reload(None, sandbox.id, ctx.user.name, known))
        except TimeoutError:
            late = f"{sandbox.id} is busy: it did not load the new code within {RELOAD_S:g} s, but may still do so"
            raise OperationError("sandbox_busy", late, hint="try again in a moment") from None
    now = find_sandbox(ctx, sandboxes, sandbox_id)
    if report is None:
        return SandboxReload(
            id=now.id, version=now.current, status="no_change", changed=False, servers=[], servers_count=0, still_old=[]
        )
    return _reload(now, report)


@operation("sandbox.versions", http=("GET", "/sandboxes/{sandbox_id}/versions"), scope="read", on="platform",
           of="sandbox", errors=THERE, short="version current lines created_at by")  # fmt: skip
async def versions(ctx: Context, sandboxes: Sandboxes, /, sandbox_id: SandboxId) -> list[SandboxVersion]:
    """List the source versions of a sandbox.

    The last ten, newest first.
    """
    sandbox = find_sandbox(ctx, sandboxes, sandbox_id)
    return [version_of(one, sandbox.current) for one in reversed(sandbox.versions)]


async def _memory_of(sandboxes: Sandboxes, shown: list[Sandbox]) -> dict[str, int]:
    return {**await memory_of(shown), **await sandboxes.refresh(*(one.id for one in shown))}


@contextmanager
def _counting_failures(ctx: Context, sandboxes: Sandboxes, id: str, *, own: bool) -> Generator[None]:
    """Note whether the code of a user runs, for their teacher, unless it is of the platform or of the course."""
    if ctx.dry_run or not own or id.startswith(WORKBENCH):
        yield
        return
    try:
        yield
    except OperationError as error:
        if error.code in MISTAKES:
            sandboxes.note_run(ctx.user.name, error.message.removeprefix("source: "))
        raise
    sandboxes.note_run(ctx.user.name, None)


def _check_scope(ctx: Context, origin: Origin) -> None:
    """Check the scope: built-in code needs `operate`, other code `code` or `own`; files of this machine `code`."""
    user = ctx.user
    needed = "operate" if origin in BUILT_IN else "code"
    if user.may(needed) or (origin != "file" and user.may(needed, user.name)):
        return
    raise OperationError(
        "missing_scope",
        f"a sandbox from a {origin} needs the scope {needed}, and {user.display_name} has "
        f"{', '.join(sorted(user.scopes)) or 'none'}",
        hint=f"send a credential: `{command('token')}` prints the owner's; or try a demo or a template",
    )


async def _checked(text: str) -> Source:
    """Check a text and return it as a source. Raises OperationError, with the line and column of a problem."""
    try:
        return await check_source(text)
    except SourceProblem as problem:
        where = f"line {problem.line}, column {problem.column}: {problem.message}"
        raise OperationError(
            "validation_error", f"source: {where}", details=[Detail("source", where, problem.hint)]
        ) from None
    except TimeoutError as busy:
        raise OperationError("service_unavailable", str(busy), hint="try again in a moment") from None


async def _read(file: str) -> str:
    def read() -> str:
        if not stat.S_ISREG(os.stat(file).st_mode):  # reading a pipe without a writer would block
            raise OSError(errno.EINVAL, "it is not a regular file")
        with open(file, encoding="utf-8-sig") as opened:
            return opened.read(MOST_SOURCE + 1)

    try:
        text = await otp.Task.run_blocking(read)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise OperationError("validation_error", f"file: {file[:200]} cannot be read: {why}") from None
    if len(text) > MOST_SOURCE:
        raise OperationError("validation_error", f"file: expected at most {MOST_SOURCE} characters")
    return text


def _version(sandbox: Sandbox, number: int | None) -> Source:
    for one in sandbox.versions:
        if one.number == number:
            return one.source
    kept = ", ".join(str(one.number) for one in sandbox.versions) or "none"
    raise OperationError(
        "validation_error", f"version: {sandbox.id} has no version {number}", hint=f"expected one of {kept}"
    )


def _what(configuration: Configuration, source: Source | None) -> str:
    if configuration.origin == "source" and source is not None:
        return f"the class {source.starts} of the source"
    return f"the {configuration.origin} {configuration.title or configuration.module}"


def _reload(sandbox: Sandbox, report: Report) -> SandboxReload:
    """Return the result of a reload from the sandbox's report."""
    return SandboxReload(
        id=sandbox.id,
        version=sandbox.current,
        status="hot_swapped",
        changed=True,
        servers=[SandboxServer(**msgspec.structs.asdict(one)) for one in report.servers],
        servers_count=max(report.servers_count, len(report.servers)),
        still_old=report.still_old,
        **({"warnings": warnings_of(report.warnings)} if report.warnings else {}),
    )
