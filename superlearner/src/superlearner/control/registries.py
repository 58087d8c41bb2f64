"""A node's registered names and its registries' entries: bounded, keys as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import otp
from otp import Node, Pid, Registry
from superlearner.control.names import registered_name
from superlearner.control.slots import id_text
from superlearner.control.steer import NotThere
from superlearner.control.terms import json_of, plain_pid, text_of

__all__ = ["Entry", "RegistryLine", "entries_of", "key_of", "names_of", "registries_of", "registry_named"]


@dataclass(frozen=True, slots=True)
class RegistryLine:
    """A running registry."""

    name: str
    pid: Pid
    keys: Literal["unique", "duplicate"]
    entries: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A registration, with key and value as text."""

    key: str
    pid: Pid
    value: Any


def names_of(node: Node, search: str = "") -> list[tuple[str, Pid]]:
    """Return the registered names of a node and their owners, oldest process first."""
    needle = search.casefold()
    found: list[tuple[str, Pid]] = []
    for pid in node.processes():
        name = registered_name(pid)
        if name is not None and needle in name.casefold():
            found.append((name, pid))
    return found


def registries_of(node: Node) -> list[RegistryLine]:
    """Return the registries of a node, oldest first."""
    found: list[RegistryLine] = []
    for pid in node.processes():
        line = _read_registry(pid)
        if line is not None:
            found.append(line)
    return found


def registry_named(node: Node, text: str) -> RegistryLine:
    """Return the registry with this name or pid. Raises NotThere."""
    for line in registries_of(node):
        if text in (line.name, plain_pid(line.pid)):
            return line
    raise NotThere("registry", repr(text))


def _read_registry(pid: Pid) -> RegistryLine | None:
    """Return a registry's data; None for another process."""
    name = otp.process_info(pid, "registered_name")
    if name is None:  # not a registry: a registry always has a name
        return None
    try:
        entries = Registry.count(pid)
    except otp.BadArgument:
        return None
    try:
        Registry.via(pid, _nobody).whereis()
    except otp.BadArgument:
        keys: Literal["unique", "duplicate"] = "duplicate"
    else:
        keys = "unique"
    return RegistryLine(id_text(name), pid, keys, entries)


_nobody: Final = object()


def entries_of(
    registry: RegistryLine, *, key: str | None, pid: Pid | None, offset: int, limit: int
) -> tuple[list[Entry], int]:
    """Return some entries, optionally of one key or process, and their total number."""
    found = (
        (at, who, value)
        for at, who, value in Registry.select(registry.pid)
        if (pid is None or who is pid) and (key is None or id_text(at) == key)
    )
    rows = list(found)
    page = rows[offset : offset + limit]
    return [Entry(id_text(at), who, json_of(value)) for at, who, value in page], len(rows)


def key_of(registry: RegistryLine, key: str, pid: Pid) -> Any:
    """Return the key of a process that is displayed as `key`. Raises NotThere."""
    for one in Registry.keys(registry.pid, pid):
        if id_text(one) == key:
            return one
    raise NotThere("name", f"{text_of(key, 100)} of {plain_pid(pid)} in {registry.name}")
