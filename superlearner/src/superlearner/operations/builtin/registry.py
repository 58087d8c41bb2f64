"""Registered names of a node, and the keys of its registries."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

import otp
from otp import Registry
from superlearner.control.names import registered_name
from superlearner.control.registries import (
    RegistryLine,
    entries_of,
    key_of,
    names_of,
    registries_of,
    registry_named,
)
from superlearner.control.slots import id_text
from superlearner.control.terms import plain_pid
from superlearner.control.tree import what_of
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.engine.steering import steering
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import Force, NewName, PageNumber, PerPage, PidText, Term
from superlearner.operations.results.registry import EntryLine, NameLine, NameRemoved, RegistryDetails
from superlearner.operations.targets import called, process_of, protect, term_of

NO_PROCESS = ("malformed_pid", "process_not_found")

NameText = Annotated[
    str,
    Field(min_length=1, max_length=1000, description="a registered name", examples=["counter_1"]),
    Picker("name"),
]
RegistryText = Annotated[str, Field(max_length=1000, description="the name or pid of a registry"), Picker("registry")]
KeyText = Annotated[str, Field(min_length=1, max_length=1000, description="a key as `registry.entries` shows it")]


@operation("registry.names", http=("GET", "/registry/processes"), scope="read")
async def names(
    ctx: Context,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    search: Annotated[str, Field(max_length=200, description="part of the name")] = "",
) -> Paged[NameLine]:
    """List registered names.

    Those of the node's processes, oldest first.
    """
    found = names_of(ctx.node, search)
    start = (page - 1) * per_page
    lines = [
        NameLine(name=name, pid=plain_pid(pid), what=what_of(pid)) for name, pid in found[start : start + per_page]
    ]
    return Paged(lines, len(found), page, per_page)


@operation(
    "registry.whereis", http=("GET", "/registry/processes/{name:path}"), scope="read", errors=("name_not_found",)
)
async def whereis(ctx: Context, name: NameText) -> NameLine:
    """Find a process by its name."""
    pid = ctx.node.whereis(name)
    if pid is None or not otp.is_alive(pid):
        raise OperationError(
            "name_not_found", f"no process has the name {name[:200]!r}", hint="see GET /api/v1/registry/processes"
        )
    return NameLine(name=id_text(name), pid=plain_pid(pid), what=what_of(pid))


@operation(
    "registry.register",
    http=("POST", "/registry/processes"),
    scope="operate",
    changes=True,
    errors=(*NO_PROCESS, "name_taken", "conflict", "critical_process_protection"),
)
async def register(ctx: Context, name: NewName, pid: PidText, force: Force = False) -> NameLine:
    """Register a process under a name.

    A process has at most one name, and a name belongs to one process.
    """
    found = process_of(ctx, pid)
    holder = ctx.node.whereis(name)
    if holder is not None:
        raise OperationError("name_taken", f"the name {name[:200]} is taken by {plain_pid(holder)}")
    has = otp.process_info(found, "registered_name")
    if has is not None:
        raise OperationError("conflict", f"{called(found)} already has a name", hint="unregister it first")
    with steering():
        protect(ctx, found, force=force)
        ctx.about_to(f"register {called(found)} as {name[:200]}", [called(found)])
        otp.register(name, found)
    if ctx.node.whereis(name) is not found:
        raise OperationError("name_taken", f"the name {name[:200]} is reserved for a service of the platform")
    return NameLine(name=id_text(name), pid=plain_pid(found), what=what_of(found))


@operation(
    "registry.unregister",
    http=("DELETE", "/registry/processes/{name:path}"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=("name_not_found", "critical_process_protection", "process_not_found"),
)
async def unregister(ctx: Context, name: NameText, force: Force = False) -> NameRemoved:
    """Unregister a name.

    The process keeps running, but can no longer be reached by the name.
    """
    pid = ctx.node.whereis(name)
    if pid is None:
        raise OperationError(
            "name_not_found", f"no process has the name {name[:200]!r}", hint="see GET /api/v1/registry/processes"
        )
    with steering():
        protect(ctx, pid, force=force)
        ctx.about_to(f"unregister the name {name[:200]} of {plain_pid(pid)}", [called(pid)])
        holder: Any = pid
        ctx.node.release_name(holder)  # `otp.unregister` acts on the node of the caller
    return NameRemoved(name=id_text(name), pid=plain_pid(pid), unregistered=True)


@operation("registry.list", http=("GET", "/registries"), scope="read")
async def registries(ctx: Context) -> list[RegistryDetails]:
    """List registries.

    The processes of `otp.Registry`, with the number of their entries; at most 1,000.
    """
    return [_describe_registry(line) for line in registries_of(ctx.node)[:1000]]


@operation("registry.entries", http=("GET", "/registries/{registry}/entries"), scope="read",
           errors=(*NO_PROCESS, "registry_not_found"))  # fmt: skip
async def entries(
    ctx: Context,
    registry: RegistryText,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    key: Annotated[str | None, Field(max_length=1000, description="only this key")] = None,
    pid: Annotated[str | None, Field(max_length=1000, description="only entries of this process")] = None,
) -> Paged[EntryLine]:
    """List the entries of a registry.

    Keys with their processes and values; filter by key to look it up, or by process to see its keys.
    """
    table = _registry(ctx, registry)
    who = None if pid is None else process_of(ctx, pid)
    found, total = entries_of(table, key=key, pid=who, offset=(page - 1) * per_page, limit=per_page)
    lines = [_entry(one.key, one.pid, one.value) for one in found]
    return Paged(lines, total, page, per_page)


@operation(
    "registry.register_key",
    http=("POST", "/registries/{registry}/entries"),
    scope="operate",
    changes=True,
    errors=(*NO_PROCESS, "registry_not_found", "name_taken", "critical_process_protection"),
)
async def register_key(
    ctx: Context, registry: RegistryText, key: KeyText, pid: PidText, value: Term = None, force: Force = False
) -> EntryLine:
    """Register a process under a key.

    With a value, in a registry of unique keys.
    """
    table, found = _unique(ctx, registry), process_of(ctx, pid)
    via = Registry.via(table.pid, key, term_of(value, "value"))
    if via.whereis() is not None:
        raise OperationError("name_taken", f"the key {key[:200]} of {table.name} is taken")
    with steering():
        _protect_both(ctx, table, found, force=force)
        ctx.about_to(f"register {called(found)} as {key[:200]} in {table.name}", [called(found)])
        via.register(found)
    (entry,), _ = entries_of(table, key=id_text(key), pid=found, offset=0, limit=1)
    return _entry(entry.key, entry.pid, entry.value)


@operation(
    "registry.unregister_key",
    http=("DELETE", "/registries/{registry}/entries"),
    scope="operate",
    changes=True,
    destroys=True,
    errors=(*NO_PROCESS, "registry_not_found", "name_not_found", "critical_process_protection"),
)
async def unregister_key(
    ctx: Context, registry: RegistryText, key: KeyText, pid: PidText, force: Force = False
) -> NameRemoved:
    """Unregister a key of a process.

    In a registry of unique keys.
    """
    table, found = _unique(ctx, registry), process_of(ctx, pid)
    with steering():
        _protect_both(ctx, table, found, force=force)
        known = key_of(table, key, found)
        ctx.about_to(f"unregister the key {key[:200]} of {called(found)} in {table.name}", [called(found)])
        Registry.via(table.pid, known).unregister(found)
    return NameRemoved(name=key, pid=plain_pid(found), unregistered=True)


def _registry(ctx: Context, text: str) -> RegistryLine:
    with steering():
        return registry_named(ctx.node, text)


def _protect_both(ctx: Context, table: RegistryLine, pid: otp.Pid, *, force: bool) -> None:
    protect(ctx, table.pid, force=force)
    protect(ctx, pid, force=force)


def _unique(ctx: Context, text: str) -> RegistryLine:
    table = _registry(ctx, text)
    if table.keys != "unique":
        raise OperationError(
            "validation_error",
            f"registry: expected one with unique keys, got {table.name}, whose processes register themselves",
        )
    return table


def _describe_registry(line: RegistryLine) -> RegistryDetails:
    return RegistryDetails(name=line.name, pid=plain_pid(line.pid), keys=line.keys, entries=line.entries)


def _entry(key: str, pid: otp.Pid, value: object) -> EntryLine:
    return EntryLine(key=key, pid=plain_pid(pid), name=registered_name(pid), value=value)
