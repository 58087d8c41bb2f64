"""The services to attach again at the next start of the platform, in a file of its data directory.

Only the owner of the data directory can read the file. It has no token that can be found again: that of a door of this
user is in its record, and one from a file is in that file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from superlearner.nodes.attaching.whereabouts import Whereabouts

__all__ = ["KnownService", "KnownServices"]

FILE: Final = "attached.json"


@dataclass(frozen=True, slots=True)
class KnownService:
    """A service that was attached.

    Args:
        name: the name of its node on the platform.
        node: the node's own name.
        where: its door, as the user gave it.
        last: the address of the door that it was last attached to.
        siblings: see `Whereabouts.siblings`.
        gone_at: when it was lost, in seconds since 1970; None while it is attached.
        os_pid: the process id of its program; None if an earlier version stored it.
        closed: why its program ended; None while it runs, or if that is not known.
    """

    name: str
    node: str
    where: Whereabouts
    last: str
    siblings: frozenset[str] = frozenset()
    gone_at: float | None = None
    os_pid: int | None = None
    closed: str | None = None


ENTRIES: Final = TypeAdapter(list[KnownService])


class KnownServices:
    """The file with the attached services of one platform; its methods raise `OSError`.

    Args:
        folder: the data directory.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def read(self) -> list[KnownService]:
        """Return the services; none if there is no file. Raises `ValueError` for an invalid one."""
        try:
            return ENTRIES.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return []
        except ValidationError:
            raise ValueError(f"{self.path} is not a valid list of services") from None

    def write(self, services: Iterable[KnownService]) -> None:
        """Replace the file, atomically."""
        handle, part = tempfile.mkstemp(".part", FILE, self.path.parent)  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(ENTRIES.dump_json(list(services)))
            os.replace(part, self.path)
        except BaseException:
            os.unlink(part)
            raise
