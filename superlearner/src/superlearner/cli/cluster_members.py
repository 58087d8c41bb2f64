"""Commands about members of a cluster, which the members of this machine answer if no platform runs here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from superlearner.cli.ends import FAILED, fail
from superlearner.cli.finding import PlatformNotFound, data_dir_of, find

__all__ = ["ask_members", "platform_process"]

ASKED: Final = {"cluster.disconnect": "disconnect", "cluster.forget": "forget"}


def ask_members(operation: str, values: Mapping[str, Any], url: str | None, data_dir: Path | None) -> Any:
    """Return the answer of a member; None for other operations, with a platform, and without members.

    Ends the command if each member refuses.
    """
    if operation not in ASKED or url is not None:
        return None
    try:
        find(None, data_dir)
        return None
    except PlatformNotFound:
        pass
    except (OSError, ValueError):
        return None
    from superlearner.cluster.control import ControlError, ask, records

    problem: ControlError | None = None
    for record in records(data_dir or data_dir_of()):
        try:
            return ask(record, {"ask": ASKED[operation], **values})
        except ControlError as error:
            problem = error  # another member may know it
    if problem is not None:
        fail(str(problem), FAILED)
    return None


def platform_process(folder: Path) -> int | None:
    """Return the process id of the platform of a data directory, None without one."""
    try:
        return find(None, folder).process
    except (PlatformNotFound, OSError, ValueError):
        return None
