"""What the operations on mailboxes answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from superlearner.operations.results import Pid

__all__ = ["DropResult", "MailboxCount", "MailboxLine", "MessageLine", "MessagePattern", "MessageType"]

MessageType = Literal["call", "cast", "info", "system"]


class MessageLine(BaseModel):
    """A message that waits; `text` is bounded, secrets hidden."""

    position: int = Field(description="from 0, the oldest")
    kind: MessageType
    tag: str = Field(description="its first word: `add` of ('add', 3)")
    sender: Pid | None = Field(description="who called; of other messages nobody knows")
    text: str


class MailboxCount(BaseModel):
    """How many messages wait, by kind."""

    pid: Pid
    count: int
    by_kind: dict[str, int]
    partial: bool = Field(description="the kinds are those of the oldest 10,000, or the process is sensitive")


class MessagePattern(BaseModel):
    """Messages that are alike."""

    kind: MessageType
    tag: str
    count: int
    oldest: int = Field(description="position of the first")
    example: str


class DropResult(BaseModel):
    """Messages that were taken out of a mailbox."""

    pid: Pid
    name: str | None
    dropped: int
    message_queue_len: int = Field(description="how many wait now")


class MailboxLine(BaseModel):
    """A process and what waits for it."""

    pid: Pid
    name: str | None
    what: str
    status: str
    message_queue_len: int
