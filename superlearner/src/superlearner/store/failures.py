"""Why the store cannot be used, in words for people: what is wrong, and what to try."""

from __future__ import annotations

__all__ = ["NameTaken", "NotOfThisDatabase", "StoreUnavailable"]


class StoreUnavailable(Exception):
    """The store cannot be used now. What it holds was not touched.

    Attributes:
        why: what is wrong, without the path of a folder or a password; for everybody.
        hint: what to try, with the whole path; for the terminal, and for who has a credential.
    """

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(f"{why}; {hint}")
        self.why = why
        self.hint = hint


class NameTaken(ValueError):
    """There is a record of this name already. Try another name, or remove that one first."""


class NotOfThisDatabase(Exception):
    """What was asked for is done by the database's own means.

    Attributes:
        why: why it is not done here.
        hint: what does it.
    """

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(f"{why}; {hint}")
        self.why = why
        self.hint = hint
