"""Error messages for mistyped options and arguments."""

from __future__ import annotations

import re
from typing import Final

from superlearner.base.validation import nearest, plain

__all__ = ["explained"]

NO_CHOICE: Final = re.compile(r"(?P<typed>'.*'|\".*\") is not one of (?P<choices>.+?)\.?", re.DOTALL)


def explained(message: str) -> str:
    """Return the option parser's message with a suggestion for a mistyped choice.

    >>> explained("Value error, 'kast' is not one of 'send', 'cast', 'call'.")
    "'kast' is not one of 'send', 'cast', 'call'; did you mean cast?"
    >>> explained("Value error, 'x' is not one of 'send', 'cast', 'call'.")
    "'x' is not one of 'send', 'cast', 'call'."
    """
    message = plain(message)
    found = NO_CHOICE.fullmatch(message)
    if found is None:
        return message
    near = nearest(found["typed"][1:-1], found["choices"])
    return message.removesuffix(".") + near if near else message
