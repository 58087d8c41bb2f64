"""Names of processes in the feed: the labels of their rows."""

from __future__ import annotations

from typing import Any

from superlearner.control.slots import id_text, key_part
from superlearner.live.projection import Projection
from superlearner.live.rows import Row, label

__all__ = ["called", "name_of", "slot_of"]


def slot_of(supervisor: Row, id: Any, pid: str | None = None) -> str:
    """Return the key of a child's slot; without an id, the pid identifies the child."""
    return f"{supervisor.key}/{pid if id is None else key_part(id)}"


def called(model: Projection, supervisor: Row, id: Any, otherwise: str = "a child") -> str:
    """Return a child's name, or `otherwise` for a child without an id."""
    if id is None:
        return otherwise
    return label(model.rows.get(slot_of(supervisor, id))) or id_text(id)


def name_of(model: Projection, key: str | None) -> str | None:
    """Return the name of the process in a slot."""
    return None if key is None else label(model.rows[key])
