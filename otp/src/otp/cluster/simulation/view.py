"""The view of one member of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any, NamedTuple, cast

from otp.cluster.cluster import Cluster, membership_of
from otp.cluster.entries import Entries
from otp.cluster.member import Member
from otp.kernel.values.pids import Pid

__all__ = ["PidKey", "View", "differing_views", "key_of", "plain_view", "view_of"]

PidKey = tuple[str, int, int]
"""A pid as `(node, incarnation, number)`, the same on all members."""


class View(NamedTuple):
    """The view of one member: dicts by name.

    `registries` and `supervisors` have the tables of this member by name. A table maps each key to its process, or to a
    list of processes in a duplicate registry.

    >>> View({}, {}).names
    {}
    """

    members: dict[str, Member]
    lost: dict[str, Member]
    names: dict[Any, Pid] = {}
    groups: dict[Any, list[Pid]] = {}
    registries: dict[str, dict[Any, Pid | list[Pid]]] = {}
    supervisors: dict[str, dict[Any, Pid]] = {}


def key_of(pid: Pid) -> PidKey:
    """Return a pid as plain data that is equal on all members."""
    return pid.runtime.name, pid.runtime.creation, pid.number


def view_of(cluster: Cluster) -> View:
    """Return what a member sees; a group is `(scope, group)`."""
    return View(
        {member.name: member for member in cluster.members()},
        {member.name: member for member in cluster.lost()},
        names={name: pid for name in cluster.global_names.all() if (pid := cluster.global_names.whereis(name))},
        groups={key: cluster.groups.members(key) for key in cluster.groups.all()},
        registries=_tables_of(cluster, "registry"),
        supervisors=_tables_of(cluster, "supervisor"),
    )


def _tables_of(cluster: Cluster, kind: str) -> dict[str, dict[Any, Any]]:
    found: dict[str, dict[Any, Any]] = {}
    for table in membership_of(cluster).shared:
        if table.table[0] == kind and table.running:
            found[table.table[1]] = seen = dict[Any, Any]()
            for key, entry in table.content.table.items():
                if isinstance(table.content, Entries):
                    seen.setdefault(key, []).append(entry.pid)
                else:
                    seen[key] = entry.pid
    return found


def plain_view(view: View) -> dict[str, Any]:
    """Return a view as plain data for a history, in which pids are equal on all members."""
    return {
        "members": {name: member.incarnation for name, member in view.members.items()},
        "names": {name: key_of(pid) for name, pid in view.names.items()},
        "groups": {group: sorted(map(key_of, pids)) for group, pids in view.groups.items()},
        "registries": _tables(view.registries),
        "supervisors": _tables(view.supervisors),
    }


def _tables(tables: Mapping[str, Mapping[Any, Pid | list[Pid]]]) -> dict[str, dict[Any, Any]]:
    return {table: {key: _plain(pids) for key, pids in entries.items()} for table, entries in tables.items()}


def _plain(pids: Pid | list[Pid]) -> PidKey | list[PidKey]:
    return sorted(map(key_of, pids)) if isinstance(pids, list) else key_of(pids)


def differing_views(views: Mapping[str, dict[str, Any]]) -> str | None:
    """Return how the tables of plain views, by member, differ where they should not, in words."""
    same: dict[frozenset[str], dict[str, Any]] = {}  # the views of members that see the same members
    for name, plain in views.items():
        for one, its in same.setdefault(frozenset(plain["members"]), {}).items():
            if (kind := differing_table(its, plain)) is not None:
                return f"the tables of {one} and {name} differ: {kind}"
        same[frozenset(plain["members"])][name] = plain
    for one, other in permutations(views, 2):
        here, there = views[one], views[other]
        if other in here["members"] and here["members"] != there["members"]:
            if (kind := unlisted_table(here, there, other)) is not None:
                return f"the tables of {one} lack what {other} has: {kind}"
    return None


def differing_table(view: dict[str, Any], other: dict[str, Any]) -> str | None:
    """Return the kind of a table that differs between two plain views; only tables in both are compared."""
    return next((kind for kind, here, there in _tables_of_both(view, other) if here != there), None)


def unlisted_table(view: dict[str, Any], other: dict[str, Any], name: str) -> str | None:
    """Return the kind of a table in which a plain view lacks an entry that `other`, the view of `name`, has of its own.

    A key that only one process may have must have an owner: it may be another one, on a third member.
    """
    for kind, here, there in _tables_of_both(view, other):
        for key, pids in there.items():
            if isinstance(pids, list):
                if any(pid[0] == name and pid not in here.get(key, ()) for pid in cast("list[PidKey]", pids)):
                    return kind
            elif pids[0] == name and key not in here:
                return kind
    return None


def _tables_of_both(view: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for kind in ("names", "groups"):
        yield kind, view[kind], other[kind]
    for kind in ("registries", "supervisors"):
        for table in view[kind].keys() & other[kind].keys():
            yield kind, view[kind][table], other[kind][table]
