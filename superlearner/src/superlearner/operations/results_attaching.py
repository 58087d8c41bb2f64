"""What is answered about services that are attached."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["AttachedNode", "DetachedNode"]


class AttachedNode(BaseModel):
    """A service that the platform looks into through its door."""

    name: str = Field(description="how its node is called here")
    node: str = Field(description="how it calls itself")
    address: str = Field(description="where its door is, or the name of the door, as it was given")
    state: Literal["connecting", "attached", "looked_for", "given_up"] = Field(
        description="looked_for: it has ended, and is attached again when it is back; given_up: it did not come back"
    )
    permissions: list[str] = Field(description="what its service permits, whoever asks")
    pages: bool = Field(description="whether every page and operation works on it; else its figures alone")
    can_do: str
    tries: int = Field(description="to find it again, since it was there last")
    why: str | None = Field(description="why it is not there")
    os_pid: int
    python: str
    processes: int | None = Field(description="null where it does not answer")
    supervisors: int | None


class DetachedNode(BaseModel):
    """A service that is not looked into any more."""

    name: str
