"""Result models of mailboxes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results import Pid
from superlearner.operations.results.result import ResultModel

__all__ = ["DropResult", "MailboxCount", "MailboxLine", "MessageLine", "MessagePattern", "MessageType", "SentType"]

MessageType = Literal["call", "cast", "info", "system"]
SentType = Literal["call", "cast", "info"]


class MessageLine(ResultModel):
    """A message in a mailbox; `text` is bounded, secrets redacted."""

    position: int = Field(description="from 0, the oldest")
    kind: MessageType
    tag: str = Field(description="its first word: `add` of ('add', 3)")
    sender: Pid | None = Field(description="the caller; unknown for other messages")
    text: str


class MailboxCount(ResultModel):
    """The number of waiting messages by kind."""

    pid: Pid
    count: int
    by_kind: dict[str, int]
    partial: bool = Field(description="`by_kind` covers only the oldest 10,000, or the process is sensitive")


class MessagePattern(ResultModel):
    """Messages of the same kind and first word."""

    kind: MessageType
    tag: str
    count: int
    oldest: int = Field(description="position of the first")
    example: str


class DropResult(ResultModel):
    """Messages dropped from a mailbox."""

    pid: Pid
    name: str | None
    dropped: int
    message_queue_len: int = Field(description="messages that still wait")


class MailboxLine(ResultModel):
    """A process and the length of its mailbox."""

    pid: Pid
    name: str | None
    what: str
    status: str
    message_queue_len: int
