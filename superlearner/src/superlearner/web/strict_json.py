"""JSON of requests, read strictly, and of answers, in which any text is escaped as needed."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from json import JSONDecodeError
from typing import Any, Final

from fastapi.responses import JSONResponse
from starlette.requests import Request

from superlearner.control.terms import safe_json

__all__ = ["NumberTooLarge", "SafeJSONResponse", "StrictRequest", "read_json"]

DIGITS: Final = 4300
"""Maximum digits of a number, as in Python itself: parsing takes quadratic time."""


class NumberTooLarge(JSONDecodeError):
    """The JSON is well-formed, but a number in it is too large."""


class StrictRequest(Request):
    """A request whose body is read by `read_json`."""

    async def json(self) -> Any:
        """Return the body as JSON."""
        return read_json(await self.body())


def read_json(body: bytes) -> Any:
    """Return the value of a body.

    Raises:
        NumberTooLarge: a number overflows or has thousands of digits.
        JSONDecodeError: it is not JSON, or not safe: NaN and Infinity, duplicate names in an object, too deep nesting,
            bytes that are not UTF-8.

    >>> read_json(b'{"n": [1, 2.5]}')
    {'n': [1, 2.5]}
    """
    try:
        text = body.decode("utf-8")
        return json.loads(
            text, parse_constant=_no_number, parse_float=_float, parse_int=_int, object_pairs_hook=_object
        )
    except JSONDecodeError:
        raise
    except RecursionError:
        raise JSONDecodeError("too many levels of lists and objects", "", 0) from None
    except OverflowError as error:
        raise NumberTooLarge(str(error), "", 0) from None
    except ValueError as error:
        said = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise JSONDecodeError(said, "", 0) from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise OverflowError(f"the number {digits[:20]} is too large, the largest is {sys.float_info.max:.1e}")
    return number


def _int(digits: str) -> int:
    if len(digits) > DIGITS:
        raise OverflowError(f"a number of {len(digits):,} digits is too large, expected at most {DIGITS:,}")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)  # one pass: a million bytes may have a hundred thousand names
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"the name {twice[:100]!r} occurs twice")
    return found


class SafeJSONResponse(JSONResponse):
    r"""A `JSONResponse` that shows a lone surrogate as `\udce9`."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return super().render(safe_json(content))
