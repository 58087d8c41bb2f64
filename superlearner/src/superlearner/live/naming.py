"""What the feed calls processes: the label of their row, also when there is no process in it."""

from __future__ import annotations

from typing import Any

from superlearner.control.slots import id_text, key_part
from superlearner.live.projection import Projection
from superlearner.live.rows import Row, label

__all__ = ["called", "name_of", "slot_of"]


def slot_of(supervisor: Row, id: Any, pid: str | None = None) -> str:
    """The key of a child's slot; a child without an id is known by its pid."""
    return f"{supervisor.key}/{pid if id is None else key_part(id)}"


def called(model: Projection, supervisor: Row, id: Any, otherwise: str = "a child") -> str:
    """What a child is called; `otherwise` for one without an id."""
    if id is None:
        return otherwise
    return label(model.rows.get(slot_of(supervisor, id))) or id_text(id)


def name_of(model: Projection, key: str | None) -> str | None:
    """What the process in a slot is called."""
    return None if key is None else label(model.rows[key])
