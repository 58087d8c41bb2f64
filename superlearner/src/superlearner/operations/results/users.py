"""Result models of users."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from superlearner.operations.results.result import ResultModel
from superlearner.operations.rights.quotas import QuotaLine
from superlearner.operations.rights.users import Grant, Role

__all__ = [
    "SheetLink",
    "SignInLinkMade",
    "SignInSheet",
    "UnusedLine",
    "UserLine",
    "UserQuota",
    "UserRemoved",
    "UserSignedOut",
]


class UserLine(ResultModel):
    """A user. Times are in seconds since 1970."""

    id: int | None = Field(description="null for the owner, who is no row of the store")
    name: str = Field(description="the name in the audit log")
    shown: str = Field(description="the name as typed, which pages show")
    role: Role
    scopes: list[Grant]
    narrowed: bool = Field(description="whether these are not all scopes of the role")
    state: Literal["active", "removed"]
    tokens: int = Field(description="number of valid tokens")
    sandboxes: int = Field(description="number of running sandboxes")
    most_sandboxes: int | None = Field(description="the most that may run, see user.usage; null: no limit")
    created_at: float | None
    last_seen: float | None = Field(description="last request, to the minute; null: never, or the owner")
    removed_at: float | None


class UserQuota(ResultModel):
    """The quotas of a user."""

    name: str
    role: Role
    quotas: list[QuotaLine]


class UserRemoved(ResultModel):
    """A removed user."""

    name: str
    removed: Literal[True]
    tokens: int = Field(description="number of tokens that ended with it")


class UserSignedOut(ResultModel):
    """A user whose sessions and links have ended."""

    name: str
    signed_out: Literal[True]


class SignInLinkMade(ResultModel):
    """A link that signs in once, as this user."""

    user: str
    url: str = Field(description="the link; only this result shows it, the store has a hash of its code")
    urls: list[str] = Field(description="the same link by every address of the platform")
    expires_at: float = Field(description="seconds since 1970")
    replaced: bool = Field(description="an earlier unused link no longer works")
    note: str | None = Field(description="why others may be unable to open it")
    qr: str | None = Field(description="the link as a QR code in blocks, for a terminal; null unless `qr`")
    qr_path: str | None = Field(description="the dark squares of the QR code as an SVG path; null unless `qr`")
    qr_size: int | None = Field(description="width and height of that path, with its margin; null unless `qr`")


class SheetLink(ResultModel):
    """A line of a sheet of sign-in links."""

    given: str = Field(description="the name as it was given")
    user: str = Field(description="the name of the user")
    added: bool = Field(description="whether the learner was added for this sheet")
    url: str = Field(description="the link; only this result shows it, the store has a hash of its code")
    qr_path: str = Field(description="the link as the path of an SVG image")
    qr_size: int = Field(description="width and height of that image")


class UnusedLine(ResultModel):
    """A line of a list of names for which there is no link."""

    line: int = Field(description="its number, from 1")
    name: str
    why: str


class SignInSheet(ResultModel):
    """Sign-in links for a class."""

    links: list[SheetLink]
    left_out: list[UnusedLine] = Field(default=[], description="the lines that cannot be used, each with the reason")
    expires_at: float = Field(description="seconds since 1970")
    note: str | None = Field(description="why others may be unable to open them")
