"""The view of one member of a cluster."""

from __future__ import annotations

from typing import Any, NamedTuple

from otp.cluster.cluster import Cluster
from otp.cluster.member import Member
from otp.kernel.values.pids import Pid

__all__ = ["PidKey", "View", "key_of", "plain_view", "view_of"]

PidKey = tuple[str, int, int]
"""A pid as `(node, incarnation, number)`, the same on all members."""


class View(NamedTuple):
    """The view of one member: dicts by name.

    `registries` and `supervisors` are empty until distributed ones exist.

    >>> View({}, {}).names
    {}
    """

    members: dict[str, Member]
    lost: dict[str, Member]
    names: dict[Any, Pid] = {}
    groups: dict[Any, list[Pid]] = {}
    registries: dict[str, dict[Any, Pid]] = {}
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
    )


def plain_view(view: View) -> dict[str, Any]:
    """Return a view as plain data for a history, in which pids are equal on all members."""
    return {
        "members": {name: member.incarnation for name, member in view.members.items()},
        "names": {name: key_of(pid) for name, pid in view.names.items()},
        "groups": {group: sorted(map(key_of, pids)) for group, pids in view.groups.items()},
        "registries": _tables(view.registries),
        "supervisors": _tables(view.supervisors),
    }


def _tables(tables: dict[str, dict[Any, Pid]]) -> dict[str, dict[Any, PidKey]]:
    return {table: {key: key_of(pid) for key, pid in entries.items()} for table, entries in tables.items()}
