"""JSON terms of the corpus <-> values of the runtime (the corpus' SCHEMA, section 1).

An atom is a plain `str`, because the runtime's own words (`"normal"`, `"shutdown"`, `"noproc"`) are, so reasons
compare as they do in Erlang.  A binary is a `Binary`, a `str` that prints without the colon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import otp
from otp import ChildSpec, Down, ExitSignal, From, Pid, Ref, Timeout, TimerFired

STACK = {"stack": True}
WORDS: dict[str, Any] = {"true": True, "false": False}


class Binary(str):
    """An Erlang binary."""

    __slots__ = ()


class Command(dict[str, Any]):
    """The instruction of a message to a process under test: the inner object of `{"cmd": ...}`."""

    __slots__ = ()


class Milliseconds(float):
    """A time in seconds for the runtime that prints as the milliseconds of the scenario."""

    __slots__ = ("ms",)
    ms: int

    def __new__(cls, ms: int) -> Milliseconds:
        seconds = super().__new__(cls, ms / 1000)
        seconds.ms = ms
        return seconds


class Names(Protocol):
    """The scenario's processes and references that terms refer to."""

    def pid_of(self, key: str) -> Pid: ...
    def ref_of(self, label: str) -> Ref: ...
    def name_of_pid(self, pid: Pid) -> str: ...
    def label_of_ref(self, ref: Ref) -> str: ...


def seconds(ms: Any) -> Any:
    """A time of the scenario (milliseconds or a word) as the runtime takes it."""
    return Milliseconds(ms) if isinstance(ms, int) else decode_atom(ms)


def in_milliseconds(limit: Any) -> Any:
    """A time of the runtime (seconds or a word) as the scenario writes it."""
    return limit if limit is None or isinstance(limit, str | Milliseconds) else Milliseconds(round(limit * 1000))


def decode_atom(word: str) -> Any:
    """A JSON string: `":word"` is an atom, anything else a binary."""
    if word[:1] != ":":
        return Binary(word)
    return WORDS.get(word[1:], word[1:])


def decode(term: Any, names: Names) -> Any:
    """A term of a scenario as a value of the runtime."""
    if isinstance(term, str):
        return decode_atom(term)
    if isinstance(term, list):
        return [decode(item, names) for item in term]
    if isinstance(term, dict):
        ((kind, inner),) = term.items()
        return DECODERS[kind](inner, names)
    return term


def _tuple(items: list[Any], names: Names) -> Any:
    values = tuple(decode(item, names) for item in items)
    if len(values) == 3 and values[0] == "EXIT" and isinstance(values[1], Pid):
        return ExitSignal(values[1], values[2])
    return values


DECODERS: dict[str, Callable[[Any, Names], Any]] = {
    "t": _tuple,
    "m": lambda pairs, names: {decode(key, names): decode(value, names) for key, value in pairs},
    "pid": lambda key, names: names.pid_of(key),
    "ref": lambda label, names: names.ref_of(label),
    "name": lambda name, names: name,
    "self": lambda _one, names: otp.self(),
    "cmd": lambda inner, names: Command(inner),
}


def encode(value: Any, names: Names) -> Any:
    """A value of the runtime as a term of the trace."""
    encoder = ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value, names)
    for kind, encoder in ENCODERS.items():
        if isinstance(value, kind):
            return encoder(value, names)
    return {"opaque": "module" if isinstance(value, type) else repr(value)[:200]}


def _encode_tuple(value: tuple[Any, ...], names: Names) -> Any:
    return {"t": [encode(item, names) for item in value]}


def _child_record(spec: ChildSpec, names: Names) -> Any:
    """A child spec as OTP's record `child` shows it in the reason of a failed start."""
    shown = (spec.id, spec.restart, spec.significant, in_milliseconds(spec.shutdown), spec.type)
    id, restart, significant, shutdown, kind = (encode(value, names) for value in shown)
    start, modules = {"opaque": "start"}, {"opaque": "modules"}
    return {"t": [":child", ":undefined", id, start, restart, significant, shutdown, kind, modules]}


def _tagged(tag: str, *fields: str) -> Callable[[Any, Names], Any]:
    """A message class of the runtime as the tuple that it stands for."""
    return lambda value, names: {"t": [tag, *(encode(getattr(value, field), names) for field in fields)]}


ENCODERS: dict[type, Callable[[Any, Names], Any]] = {
    str: lambda value, names: ":" + value,
    Binary: lambda value, names: str(value),
    bool: lambda value, names: ":true" if value else ":false",
    type(None): lambda value, names: ":undefined",
    int: lambda value, names: value,
    Milliseconds: lambda value, names: value.ms,
    float: lambda value, names: value,
    Pid: lambda value, names: {"pid": names.name_of_pid(value)},
    Ref: lambda value, names: {"ref": names.label_of_ref(value)},
    Down: lambda value, names: {
        "t": [":DOWN", encode(value.ref, names), ":process", encode(value.item, names), encode(value.reason, names)]
    },
    ExitSignal: _tagged(":EXIT", "pid", "reason"),
    TimerFired: _tagged(":timeout", "ref", "message"),
    Timeout: lambda value, names: ":timeout",
    otp.Ignore: lambda value, names: ":ignore",
    otp.Stop: _tagged(":stop", "reason"),
    From: lambda value, names: {"t": [encode(value.pid, names), {"opaque": "tag"}]},
    otp.Crash: lambda value, names: {"t": [encode(value.term, names), STACK]},
    Command: lambda value, names: {"cmd": dict(value)},
    ChildSpec: _child_record,
    otp.Node: lambda value, names: {"opaque": "node"},
    tuple: _encode_tuple,
    list: lambda value, names: [encode(item, names) for item in value],
    dict: lambda value, names: {"m": sorted([encode(k, names), encode(v, names)] for k, v in value.items())},
}
