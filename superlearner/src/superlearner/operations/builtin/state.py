"""States of servers: show, set with undo, back up, compare, restore."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

from pydantic import Field

import otp
from otp import Pid, observer, sys
from superlearner.control.clock import timestamp
from superlearner.control.differences import differences
from superlearner.control.look import TYPES, state_note
from superlearner.control.names import display_name, registered_name
from superlearner.control.terms import clip, json_of, plain_pid, safe_text
from superlearner.control.tree import supervisor_state, what_of
from superlearner.nodes.backups import Backup, Why
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, PageNumber, PerPage, PidText, TimeoutMs
from superlearner.operations.results.state import (
    BackupLine,
    Forgotten,
    StateChange,
    StateDifference,
    StateView,
)
from superlearner.operations.targets import asking, called, process_of, protect, server_of, term_of

NOT_THERE = ("malformed_pid", "process_not_found")
ASKS = (*NOT_THERE, "not_a_server", "sensitive_process", "timeout", "call_failed")
SETS = (*ASKS, "critical_process_protection", "conflict")
MOST_CHANGES = 200

BackupId = Annotated[str, Field(max_length=40, description="the id of a backup", examples=["b1"]), Picker("backup")]


@operation("state.get", http=("GET", "/processes/{pid}/state"), scope="read", errors=NOT_THERE,
           short="pid name what status state state_note redacted")  # fmt: skip
async def get(
    ctx: Context,
    pid: PidText,
    redact: Annotated[bool, Field(description="redact secrets; false needs the scope `code`")] = True,
    length: Annotated[int, Field(ge=1, le=100_000, description="the most characters")] = 4000,
) -> StateView:
    """Show the state of a process.

    The state after its last callback. No message is sent, so this also works for a stuck process.
    """
    ctx.check_secrets(redact=redact)
    found = process_of(ctx, pid)
    options: dict[str, Any] = {} if redact else {"redact": None}
    details = observer.process(ctx.node, found, messages=0, length=length, exits=0, related=0, **options)
    if details is None:
        raise OperationError("process_not_found", f"{clip(pid, 200)} has just ended")
    seen = observer.seen_state(ctx.node, found)
    return StateView(
        pid=plain_pid(found),
        name=display_name(found),
        type=TYPES[details.kind],
        what=what_of(found),
        status=details.status,
        state=None if details.state is None else clip(safe_text(details.state), length),
        value=None if seen is None else json_of(seen.value),
        state_note=state_note(ctx.node, details),
        redacted=redact,
    )


@operation("state.set", http=("PUT", "/processes/{pid}/state"), scope="code", changes=True, errors=SETS)
async def set_state(
    ctx: Context,
    pid: PidText,
    state: Annotated[Any, Field(description="any JSON")],
    lists: Annotated[Literal["list", "tuple"], Field(description="the type that JSON lists become")] = "list",
    timeout_ms: TimeoutMs = 5000,
    force: Force = False,
) -> StateChange:
    """Set the state of a server.

    Between two messages. The previous state is backed up: pass `undo` to `state.restore` to bring it back.
    """
    value = term_of(state, "state") if lists == "tuple" else state
    return await _replace(ctx, pid, "before set", lambda _: value, timeout_ms, force=force, would="set the state of {}")


@operation("state.update", http=("PATCH", "/processes/{pid}/state"), scope="code", changes=True, errors=SETS)
async def update(
    ctx: Context,
    pid: PidText,
    changes: Annotated[dict[str, Any], Field(min_length=1, description="keys of a dict, or fields of a dataclass")],
    timeout_ms: TimeoutMs = 5000,
    force: Force = False,
) -> StateChange:
    """Change parts of a state.

    Keys of a dict, or fields of a dataclass or named tuple; the others stay. The previous state is backed up.
    """

    def changed(state: Any) -> Any:
        if isinstance(state, dict):
            return {**cast("dict[Any, Any]", state), **changes}
        kind: Any = state.__class__
        fields = getattr(kind, "_fields", None) or [one.name for one in dataclasses.fields(kind)]
        if unknown := [name for name in changes if name not in fields]:
            raise KeyError(f"expected one of {', '.join(fields)}, got {unknown[0]!r}")
        return state._replace(**changes) if hasattr(kind, "_fields") else dataclasses.replace(state, **changes)

    would = f"change {', '.join(map(repr, changes))} in the state of {{}}"
    return await _replace(ctx, pid, "before update", changed, timeout_ms, force=force, would=would)


@operation("state.backup", http=("POST", "/processes/{pid}/state/backups"), scope="operate", changes=True, errors=ASKS)
async def backup(
    ctx: Context,
    pid: PidText,
    label: Annotated[str, Field(max_length=200, description="a label for the backup")] = "",
    timeout_ms: TimeoutMs = 5000,
) -> BackupLine:
    """Back up a state.

    In memory: the newest 20 of a process and 200 in all. Backups outlive the process.
    """
    found = server_of(ctx, pid)
    ctx.about_to(f"back up the state of {called(found)}")
    return _describe_backup(await _keep(ctx, found, "asked", label, timeout_ms))


@operation("state.backups", http=("GET", "/processes/{pid}/state/backups"), scope="read", errors=NOT_THERE,
           short="id at state why label name pid")  # fmt: skip
async def backups(ctx: Context, pid: PidText, page: PageNumber = 1, per_page: PerPage = 50) -> Paged[BackupLine]:
    """List the backups of a state.

    Those of this process and of earlier ones with its name, newest first.
    """
    found = process_of(ctx, pid)
    kept = list(ctx.watched.backups.of(plain_pid(found), registered_name(found)))
    start = (page - 1) * per_page
    return Paged([_describe_backup(one) for one in kept[start : start + per_page]], len(kept), page, per_page)


@operation(
    "state.restore",
    http=("POST", "/processes/{pid}/state/restore"),
    scope="code",
    changes=True,
    errors=(*SETS, "backup_not_found"),
)
async def restore(
    ctx: Context, pid: PidText, backup_id: BackupId, timeout_ms: TimeoutMs = 5000, force: Force = False
) -> StateChange:
    """Restore a state from a backup.

    In the process it was taken from, or in a later one with the same name. The previous state is backed up.
    """
    found = process_of(ctx, pid)
    kept = _find_backup(ctx, found, backup_id)
    if kept.what != what_of(found) and not force:
        raise OperationError(
            "conflict",
            f"expected a state of {what_of(found)}, the backup {kept.id} has one of {kept.what}",
            hint='to do it anyway, send {"force": true}',
        )
    return await _replace(
        ctx,
        pid,
        "before restore",
        lambda _: kept.value_again(),
        timeout_ms,
        force=force,
        would=f"restore the state {kept.id} in {{}}",
    )


@operation("state.diff", http=("GET", "/processes/{pid}/state/diff"), scope="read", errors=(*ASKS, "backup_not_found"))
async def diff(ctx: Context, pid: PidText, backup_id: BackupId, timeout_ms: TimeoutMs = 5000) -> StateDifference:
    """Compare a state with a backup.

    Lists the differences, as far as the values can be shown.
    """
    found = server_of(ctx, pid)
    kept = _find_backup(ctx, found, backup_id)
    with asking():
        status = await sys.get_status(found, timeout_ms / 1000)
    changes = list(differences(kept.shown, json_of(status.state)))
    return StateDifference(
        pid=plain_pid(found),
        backup_id=kept.id,
        same=not changes,
        changes=changes[:MOST_CHANGES],
        change_count=len(changes),
    )


@operation(
    "state.forget",
    http=("DELETE", "/processes/{pid}/state/backups/{backup_id}"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=(*NOT_THERE, "backup_not_found"),
)
async def forget(ctx: Context, pid: PidText, backup_id: BackupId) -> Forgotten:
    """Delete a backup of a state."""
    kept = _find_backup(ctx, process_of(ctx, pid), backup_id)
    ctx.about_to(f"delete the backup {kept.id}")
    ctx.watched.backups.forget(kept)
    return Forgotten(id=kept.id, forgotten=True)


async def _replace(
    ctx: Context,
    text: str,
    why: Why,
    change: Callable[[Any], Any],
    timeout_ms: int,
    *,
    force: bool,
    would: str,
) -> StateChange:
    pid = server_of(ctx, text)
    with asking():
        protect(ctx, pid, force=force)
        if supervisor_state(pid) is not None:
            raise OperationError(
                "conflict",
                f"{called(pid)} is a supervisor, whose state is its children",
                hint="use supervisor operations",
            )
        ctx.about_to(clip(would.replace("{}", called(pid)), 500), [called(pid)])
        undo = await _keep(ctx, pid, why, "", timeout_ms)
        try:
            await sys.replace_state(pid, change, timeout_ms / 1000)
        except (otp.CallExit, otp.BadArgument):
            raise
        except Exception as error:  # the state's own class may raise anything
            raise OperationError(
                "conflict",
                f"the state cannot be changed: {clip(str(error), 300)}",
                hint="GET /api/v1/processes/{pid}/state shows its type",
            ) from None
        status = await sys.get_status(pid, timeout_ms / 1000)
    return StateChange(
        pid=plain_pid(pid), name=display_name(pid), before=undo.shown, after=json_of(status.state), undo=undo.id
    )


async def _keep(ctx: Context, pid: Pid, why: Why, label: str, timeout_ms: int) -> Backup:
    with asking():
        seconds = timeout_ms / 1000
        both: Any = await asyncio.gather(sys.get_state(pid, seconds), sys.get_status(pid, seconds))
    value, status = cast("tuple[Any, sys.Status]", tuple(both))
    return ctx.watched.backups.keep(
        at=timestamp(),
        pid=plain_pid(pid),
        name=registered_name(pid),  # it finds those of earlier processes, so it has to be unique
        what=what_of(pid),
        why=why,
        label=label,
        value=value,
        shown=json_of(status.state),
    )


def _find_backup(ctx: Context, pid: Pid, backup_id: str) -> Backup:
    for one in ctx.watched.backups.of(plain_pid(pid), registered_name(pid)):
        if one.id == backup_id:
            return one
    raise OperationError(
        "backup_not_found",
        f"{called(pid)} has no backup {clip(backup_id, 40)}",
        hint="see GET /api/v1/processes/{pid}/state/backups",
    )


def _describe_backup(kept: Backup) -> BackupLine:
    return BackupLine(
        id=kept.id,
        at=kept.at,
        pid=kept.pid,
        name=kept.name,
        what=kept.what,
        why=kept.why,
        label=kept.label,
        state=kept.shown,
        copied=kept.copied,
    )
