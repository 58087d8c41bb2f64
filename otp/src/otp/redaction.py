"""What must not be shown: values that belong to names such as password or token, and such pairs inside texts.

>>> is_secret("Access-Token"), is_secret("balance")
(True, False)
>>> without_secrets("postgres://ada:hunter2@db/shop?api_key=k-123")
'postgres://ada:***@db/shop?api_key=***'

A guess by name, made to be on the safe side: it hides a token counter, too. It is no wall: who may
read the state of processes unredacted is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["HIDDEN", "Redact", "is_secret", "without_secrets"]

Redact = Callable[[str], bool]
"""Answers for the name of a key, field or attribute whether its value must not be shown."""

HIDDEN: Final = "***"
"""Stands where a value is hidden."""

_WORDS: Final = (
    r"pass(?:word|wd|phrase)|secret|token|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|"
    r"credential|authorization|cookie|session[-_ ]?id"
)
_SECRET_NAME: Final = re.compile(_WORDS, re.IGNORECASE)
_SECRET_IN_TEXT: Final = re.compile(
    rf"((?:{_WORDS})[\w-]{{0,20}}[\"']?\s{{0,3}}[=:]\s{{0,3}}(?:bearer\s|basic\s)?[\"']?)[^\s\"',;&}}]+",
    re.IGNORECASE,
)
_URL_USER: Final = re.compile(r"(://[^\s/:@]{0,100}:)[^\s/@]{1,200}@")


def is_secret(name: str) -> bool:
    """Whether a name looks like that of a secret: password, token, api_key, cookie, …"""
    return _SECRET_NAME.search(name) is not None


def without_secrets(text: str) -> str:
    """The text with `***` for what follows `password=`, `token:` and the like, and for passwords in URLs."""
    return _URL_USER.sub(rf"\1{HIDDEN}@", _SECRET_IN_TEXT.sub(rf"\1{HIDDEN}", text))
