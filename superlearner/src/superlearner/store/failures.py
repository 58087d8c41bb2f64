"""Errors of the store: what is wrong, and what to try."""

from __future__ import annotations

__all__ = ["NameTaken", "NotOfThisDatabase", "StoreLocked", "StoreUnavailable"]


class StoreUnavailable(Exception):
    """The store cannot be used now. Its content is unchanged.

    Attributes:
        why: what is wrong, without folders or passwords; safe to show to anyone.
        hint: what to try, with full paths; for the terminal and for signed-in users.
    """

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(f"{why}; {hint}")
        self.why = why
        self.hint = hint


class StoreLocked(StoreUnavailable):
    """Another program holds the database, such as one that upgrades it; it can be used when that has finished."""


class NameTaken(ValueError):
    """A record of this name exists already. Try another name, or remove the record."""


class NotOfThisDatabase(Exception):
    """The operation is left to the database's own tools.

    Attributes:
        why: the reason it is not done here.
        hint: the tool that does it.
    """

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(f"{why}; {hint}")
        self.why = why
        self.hint = hint
