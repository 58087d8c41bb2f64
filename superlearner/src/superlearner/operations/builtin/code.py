"""Running code: modules and versions, hot upgrades and rollbacks."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

from pydantic import Field

from otp import code
from superlearner.control.failures import explain_refusal
from superlearner.control.names import is_critical
from superlearner.control.terms import clip, plain_pid, text_of
from superlearner.operations.builtin.code_trial import ending_loops, try_import
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, PageNumber, PerPage
from superlearner.operations.results.code import (
    ModuleDetails,
    ModuleLine,
    OldObject,
    OldReference,
    Upgrade,
    UpgradedServer,
    VersionLine,
)
from superlearner.operations.targets import called, permit

MOST_SERVERS: Final = 1000
MOST_PIDS: Final = 100
MOST_WARNINGS: Final = 20
CHANGE_S: Final = 5.0
"""Seconds for each `code_change`."""

TRIAL_S: Final = 1.0
"""Seconds for which each server must survive after an upgrade."""

PLATFORM: Final = ("otp", "superlearner")
_ERRORS: Final = ("module_not_found", "upgrade_refused", "critical_process_protection", "conflict")

ModuleText = Annotated[
    str,
    Field(max_length=500, description="its dotted name", examples=["superlearner.demo.one_for_one"]),
    Picker("module"),
]


@operation("code.modules", http=("GET", "/code/modules"), scope="read", short="module servers versions classes")
async def modules(ctx: Context, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[ModuleLine]:
    """List the modules of running behaviours.

    By name, with the number of servers that run their code.
    """
    by_module = _running(ctx)
    names = sorted(by_module)
    start = (page - 1) * per_page
    lines = [ModuleLine(**_describe_version(name, by_module[name])) for name in names[start : start + per_page]]
    return Paged(lines, len(names), page, per_page)


@operation("code.module", http=("GET", "/code/modules/{module}"), scope="read", errors=("module_not_found",))
async def module(ctx: Context, module: ModuleText) -> ModuleDetails:
    """Show the running versions of a module.

    Its file, and each class with its version and its servers.
    """
    found = _running(ctx).get(module)
    if found is None:
        raise OperationError(
            "module_not_found", f"no server runs code from {module[:200]!r}", hint="see GET /api/v1/code/modules"
        )
    by_version: dict[tuple[str, str], list[code.RunningVersion]] = {}
    for one in found:
        by_version.setdefault((one.cls.__qualname__, text_of(one.vsn, 100)), []).append(one)
    running = [
        VersionLine(
            what=clip(what, 200),
            vsn=vsn,
            count=len(servers),
            pids=[plain_pid(one.pid) for one in servers[:MOST_PIDS]],
        )
        for (what, vsn), servers in by_version.items()
    ]
    file = getattr(sys.modules.get(module), "__file__", None)
    return ModuleDetails(
        **_describe_version(module, found), file=file if isinstance(file, str) else None, running=running
    )


@operation(
    "code.reload",
    http=("POST", "/code/modules/{module}/reload"),
    scope="code",
    changes=True,
    errors=_ERRORS,
)
async def reload(ctx: Context, module: ModuleText, force: Force = False) -> Upgrade:
    """Reload a module.

    All its servers change to the new code with their pids, mailboxes and states, or none does. A separate process
    imports the file first; if that does not finish, the reload is refused. If a server crashes within the next second,
    all servers return to the old code.
    """
    _loaded(ctx, module, force=force)
    servers = _running(ctx).get(module, [])
    ctx.about_to(
        f"reload {module} and upgrade its {len(servers)} servers",
        [called(one.pid) for one in servers[:100]],
    )
    await try_import(ctx.home, module)
    with _refusals(servers), ending_loops(ctx.node):
        return _upgrade(ctx, await code.reload(module, timeout=CHANGE_S, trial=TRIAL_S), done=True)


@operation(
    "code.compatibility",
    http=("POST", "/code/modules/{module}/compatibility"),
    scope="code",
    changes=True,
    errors=_ERRORS,
)
async def compatibility(ctx: Context, module: ModuleText, force: Force = False) -> Upgrade:
    """Check what a reload would do.

    Runs the new file and suspends each server briefly to check it, then restores everything.
    """
    _loaded(ctx, module, force=force)
    ctx.about_to(f"run the file of {module} and check whether its servers could be upgraded")
    await try_import(ctx.home, module)
    with _refusals(_running(ctx).get(module, [])), ending_loops(ctx.node):
        return _upgrade(ctx, await code.check(module), done=False)


@operation(
    "code.rollback",
    http=("POST", "/code/modules/{module}/rollback"),
    scope="code",
    changes=True,
    errors=_ERRORS,
)
async def rollback(ctx: Context, module: ModuleText, force: Force = False) -> Upgrade:
    """Undo the last reload of a module.

    All its servers return to the previous classes with their pids, mailboxes and states, or none does. Names that other
    modules imported from it are current again. The file does not change: a restart or the next reload runs it.
    """
    _loaded(ctx, module, force=force)
    servers = _running(ctx).get(module, [])
    ctx.about_to(
        f"return the {len(servers)} servers of {module} to the version before its last reload",
        [called(one.pid) for one in servers[:100]],
    )
    with _refusals(servers), ending_loops(ctx.node):
        return _upgrade(ctx, await code.rollback(module, timeout=CHANGE_S, trial=TRIAL_S), done=True)


def _running(ctx: Context) -> dict[str, list[code.RunningVersion]]:
    """Return the node's servers by module, without those of the backend in the same program."""
    by_module: dict[str, list[code.RunningVersion]] = {}
    for one in code.versions():
        if one.pid.node == ctx.node.name:
            by_module.setdefault(one.cls.__module__, []).append(one)
    return by_module


def _is_platform(module: str) -> bool:
    top, _, rest = module.partition(".")
    return top in PLATFORM and not rest.startswith("demo")


def _describe_version(name: str, found: Sequence[code.RunningVersion]) -> dict[str, Any]:
    return {
        "module": name,
        "servers": len(found),
        "classes": sorted({clip(one.cls.__qualname__, 200) for one in found})[:100],
        "versions": len({text_of(one.vsn, 100) for one in found}),
        "platform": _is_platform(name),
    }


def _loaded(ctx: Context, module: str, *, force: bool) -> None:
    if not ctx.kind.reloads_files:
        raise OperationError(
            "conflict",
            f"{ctx.node_name} is {ctx.kind.description}",
            hint="POST /api/v1/sandboxes/{sandbox_id}/hot-reload changes its source and keeps the versions",
        )
    if module not in sys.modules:
        raise OperationError(
            "module_not_found", f"no module {module[:200]!r} is imported", hint="see GET /api/v1/code/modules"
        )
    why = f"{module} is the platform's own code"
    if ctx.kind.answers_requests:
        if _is_platform(module) or any(is_critical(one.pid) for one in _running(ctx).get(module, ())):
            permit(ctx, why, force=force)
    elif _is_platform(module) and not force:
        raise OperationError("critical_process_protection", why, hint='to reload it anyway, send {"force": true}')


@contextmanager
def _refusals(servers: Sequence[code.RunningVersion]) -> Generator[None]:
    names = {one.pid: called(one.pid) for one in servers}  # a process loses its name when it ends
    try:
        yield
    except code.UpgradeRefused as refused:
        words = explain_refusal(refused, lambda pid: names.get(pid) or called(pid))
        raise OperationError("upgrade_refused", words) from None


def _upgrade(ctx: Context, report: code.UpgradeReport, *, done: bool) -> Upgrade:
    servers = [
        UpgradedServer(
            pid=plain_pid(one.pid),
            what=clip(one.cls.__qualname__, 200),
            old_vsn=text_of(one.old_vsn, 100),
            new_vsn=text_of(one.new_vsn, 100),
        )
        for one in report.servers[:MOST_SERVERS]
    ]
    return Upgrade(
        module=report.module,
        done=done,
        servers=servers,
        servers_count=len(report.servers),
        still_old=[plain_pid(pid) for pid in report.still_old[:MOST_SERVERS]],
        warnings=_warnings(ctx, report, done=done),
        old_references=[
            OldReference(module=clip(one.module, 200), name=clip(one.name, 200), what=clip(one.what, 200))
            for one in report.old_references
        ],
        old_objects=[
            OldObject(pid=plain_pid(one.pid), where=one.where, what=clip(one.what, 200)) for one in report.old_objects
        ],
    )


def _warnings(ctx: Context, report: code.UpgradeReport, *, done: bool) -> list[str]:
    """Return a sentence for each module with old references, and one for processes with old objects."""
    module, has = clip(report.module, 200), "has" if done else "would have"
    by_holder: dict[str, list[str]] = {}
    for one in report.old_references:
        by_holder.setdefault(clip(one.module, 200), []).append(clip(one.name, 200))
    back = f", or undo with `{ctx.command('code.rollback', module)}`" if done else ""
    said = [
        f"{holder} {has} the old {_some(names)} of {module}, which no `case` of the new code matches; "
        f"reload {holder} as well{back}"
        for holder, names in list(by_holder.items())[:MOST_WARNINGS]
    ]
    if len(by_holder) > MOST_WARNINGS:
        said.append(f"{len(by_holder) - MOST_WARNINGS} more modules {has} old names from {module}")
    if report.old_objects:
        who = _some(list(dict.fromkeys(called(one.pid) for one in report.old_objects)))
        kinds = _some(list(dict.fromkeys(clip(one.what, 200) for one in report.old_objects)))
        said.append(f"objects of the old {kinds} {'are' if done else 'would be'} in states or mailboxes of {who}")
    return said


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"
