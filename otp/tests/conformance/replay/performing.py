"""Executes operations in the process that runs now, and logs what they return or raise."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Coroutine
from typing import Any

import otp
from replay.world import World

Op = dict[str, Any]


def perform(world: World, name: str, ops: list[Op]) -> Coroutine[Any, Any, None] | None:
    """Run operations one after the other in the current process and log what they return or raise.

    Returns None when all are done, or a coroutine to be awaited if one of them has to wait: so a plain callback
    whose operations are plain stays plain.
    """
    for i, op in enumerate(ops):
        waiting = _begin(world, name, op)
        if waiting is not None:
            return _finish(waiting, world, name, op, ops[i + 1 :])
    return None


def _begin(world: World, name: str, op: Op) -> Awaitable[Any] | None:
    try:
        value = world.table[op["op"]](world, op)
    except Exception as error:
        _log_error(world, name, op, error)
        return None
    if inspect.isawaitable(value):
        return value
    world.log.returned(name, op["op"], value)
    return None


async def _finish(waiting: Awaitable[Any], world: World, name: str, op: Op, rest: list[Op]) -> None:
    try:
        value = await waiting
    except Exception as error:
        _log_error(world, name, op, error)
    else:
        world.log.returned(name, op["op"], value)
    waits = perform(world, name, rest)
    if waits is not None:
        await waits


def _log_error(world: World, name: str, op: Op, error: Exception) -> None:
    world.log.raised(name, op["op"], *class_and_reason(error))


def class_and_reason(error: Exception) -> tuple[str, Any]:
    """An exception as Erlang's class and reason."""
    match error:
        case otp.Exit():
            return "exit", error.reason
        case otp.Throw():
            return "throw", error.value
        case otp.BadArgument():
            return "error", "badarg"
        case otp.Error():
            return "error", error.reason
        case _:
            return "error", otp.ExceptionTerm(type(error).__name__, (), str(error))
