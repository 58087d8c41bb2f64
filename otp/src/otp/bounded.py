"""Any Python value as a short text, without running a line of its code.

Tools that inspect a node see messages and states of unknown programs. `text` reads built-in containers, dataclasses,
named tuples and plain attributes through the interpreter's own methods only: a `__repr__` that raises, sleeps or prints
a gigabyte is never called.

>>> text({"user": "ada", "password": "hunter2", "scores": list(range(100))}, items=3)
"{'user': 'ada', 'password': ***, 'scores': [0, 1, 2, … 97 more]}"
>>> text(("token", "eyJhbGciOi"))
"('token', ***)"

The work is bounded by `length`, regardless of the size of the value. Difference from Erlang's `~P`:
length counts characters, not terms, and secrets are hidden.
"""

from __future__ import annotations

from otp.kernel.values.bounded import text

__all__ = ["text"]
