"""Recording a deterministic run, with all in the header that `replay` needs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from otp.trace._recorder import ALL_KINDS, LIMIT, Recorder, header_of

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.testing.scheduler import Scheduler

__all__ = ["digests_of", "found_in", "hash_seed", "recorder_of"]


_LONGEST_ARGUMENTS: Final = 20_000  # characters of JSON
_MODULES: Final = 200


def recorder_of(
    scheduler: Scheduler, node: Node, path: Any, fn: Callable[..., Any], args: tuple[Any, ...], instead: dict[int, int]
) -> Recorder:
    """Return a recorder whose header is sufficient to run `fn(*args)` again."""
    header = header_of(
        node,
        ALL_KINDS,
        limit=LIMIT,
        program=_name_of(fn),
        args=_as_json(args),
        seed=scheduler.seed,
        inline=scheduler.inline,
        early_timers=scheduler.early_timers,
        causal=scheduler.causal,
        max_steps=scheduler.max_steps,
        choices={str(number): chosen for number, chosen in instead.items()},
        hash_seed=hash_seed(),
        sources=digests_of(fn),
    )
    return Recorder(node, path, header, kinds=ALL_KINDS, pids=None, limit=LIMIT, rate=None)


def _name_of(fn: Callable[..., Any]) -> str | None:
    """Return `module:function`, if that leads back to the function."""
    module, name = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or found_in(module, name) is not fn:
        return None
    return f"{module}:{name}"


def found_in(module: str, name: str) -> Any:
    """Return what `name` leads to in a loaded module, or None."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _as_json(args: tuple[Any, ...]) -> list[Any] | None:
    try:
        text = json.dumps(args)
    except (TypeError, ValueError, RecursionError):
        return None
    same: list[Any] = json.loads(text)
    return same if len(text) <= _LONGEST_ARGUMENTS and same == list(args) else None


def hash_seed() -> str:
    """Return the seed of the hashes of strings in this Python, as a recording notes it."""
    return os.environ.get("PYTHONHASHSEED") or "random"


def digests_of(fn: Callable[..., Any]) -> dict[str, str]:
    """Return digests of the program's module and of those of its package."""
    module = getattr(fn, "__module__", None) or ""
    package = module.partition(".")[0]
    beside = [name for name in sorted(sys.modules) if name.partition(".")[0] == package]
    digests = {name: _digest(name) for name in [module, *beside][:_MODULES]}
    return {name: digest for name, digest in digests.items() if digest}


def _digest(module: str) -> str:
    try:
        with open(sys.modules[module].__file__ or "", "rb") as file:
            return blake2b(file.read(), digest_size=8).hexdigest()
    except (KeyError, AttributeError, OSError):  # entered interactively, or created by a program
        return ""
