"""The process dictionary: values that a process keeps outside its state, private to the process.

It is for values that belong to the process and not to one function: a request id for the log, a seed. Keep values that
others ask for, or that must be initialised again after a restart, in the state of a server. Source: Erlang/OTP,
`erlang:put/2`, `get/1`, `erase/1`, `get_keys/0`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, overload

from otp.kernel.results import ABSENT
from otp.kernel.scheduler import current_process

__all__ = ["erase", "get", "get_keys", "put"]


def put(key: Hashable, value: Any) -> Any:
    """Store `value` under `key` in the running process.

    Returns the previous value, or `None`. `otp.process_info(pid, "dictionary")` shows it. It is lost when the process
    ends. Child tasks use the dictionary of their process. Raises `NotAProcess` outside a process. Write `otp.put(…)`,
    as with `otp.self()`.

    >>> import otp
    >>> async def main():
    ...     otp.put("request", 17)
    ...     return otp.get("request"), otp.put("request", 18), otp.erase("request"), otp.get("request", "none")
    >>> otp.run(main)
    (17, 17, 18, 'none')

    Difference from Erlang: `None` stands for `undefined`.
    """
    x = current_process("otp.put(key, value)")._ext()
    if x.dictionary is None:
        x.dictionary = {}
    before = x.dictionary.get(key)
    x.dictionary[key] = value
    return before


@overload
def get() -> dict[Hashable, Any]: ...
@overload
def get(key: Hashable, default: Any = None) -> Any: ...
def get(key: Any = ABSENT, default: Any = None) -> Any:
    """Return the value of `key`, or `default`.

    Without a key, returns a copy of the whole dictionary.

    >>> import otp
    >>> async def main():
    ...     otp.put("a", 1)
    ...     return otp.get("a"), otp.get("b"), otp.get()
    >>> otp.run(main)
    (1, None, {'a': 1})
    """
    x = current_process("otp.get(key)")._x
    found = {} if x is None or x.dictionary is None else x.dictionary
    return dict(found) if key is ABSENT else found.get(key, default)


@overload
def erase() -> dict[Hashable, Any]: ...
@overload
def erase(key: Hashable) -> Any: ...
def erase(key: Any = ABSENT) -> Any:
    """Remove `key` and return its value, or `None`; without a key, remove all.

    >>> import otp
    >>> async def main():
    ...     otp.put("a", 1), otp.put("b", 2)
    ...     return otp.erase("a"), otp.erase("a"), otp.erase(), otp.get()
    >>> otp.run(main)
    (1, None, {'b': 2}, {})
    """
    x = current_process("otp.erase(key)")._x
    found = {} if x is None or x.dictionary is None else x.dictionary
    if key is not ABSENT:
        return found.pop(key, None)
    if x is not None:
        x.dictionary = None
    return found


def get_keys() -> list[Hashable]:
    """Return the keys of the running process's dictionary, in order of insertion.

    >>> import otp
    >>> async def main():
    ...     otp.put("a", 1), otp.put("b", 2)
    ...     return otp.get_keys()
    >>> otp.run(main)
    ['a', 'b']
    """
    x = current_process("otp.get_keys()")._x
    return [] if x is None or x.dictionary is None else list(x.dictionary)
