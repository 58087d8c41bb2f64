"""The specification of a peer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from otp.kernel.values.errors import BadArgument
from otp.peer.limits import Limits
from otp.peer.spares import Spares
from otp.peer.walls.plan import Walls

__all__ = ["PeerSpec"]


@dataclass(frozen=True, slots=True)
class PeerSpec:
    """The specification of a peer.

    Args:
        name: the name of its node.
        boot: `"module:function"`, called there with a `Here`; may be `async`. The peer is ready when it returns, and
            runs until it is stopped.
        args: plain terms for it.
        walls: None: no walls, for your own code.
        limits: its resource limits.
        files: name in its folder → text or bytes; written before `boot` is imported.
        env: its environment, which is otherwise empty. Behind walls, and without it, `HOME`, `TMPDIR` and `LANG` are
            set.
        cwd: working directory, for a peer without walls; None: its folder. Modules are found there as well.
        spares: a reserve from which to take a warm one.
        shutdown: seconds that it may take to shut down.
        on_output: called in the loop with its output, as bytes arrive.
        ours: its standard output and standard error are those of this program, for your own code: none of it is kept,
            counted or limited.

    >>> PeerSpec("shop@127.0.0.1", "shop:boot").limits.memory_mb
    256
    """

    name: str
    boot: str
    args: Any = None
    walls: Walls | None = None
    limits: Limits = field(default_factory=Limits)
    files: Mapping[str, str | bytes] = field(default_factory=dict[str, "str | bytes"])
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str | None = None
    spares: Spares | None = None
    shutdown: float = 5.0
    on_output: Callable[[bytes], object] | None = None
    ours: bool = False

    def __post_init__(self) -> None:
        module, colon, function = self.boot.partition(":")
        if not (colon and function.isidentifier() and all(part.isidentifier() for part in module.split("."))):
            raise BadArgument(f'peer: expected boot as "module:function", got {self.boot!r:.200}')
        if self.cwd is not None and self.walls is not None:
            raise BadArgument(
                "peer: expected no cwd= behind walls, where it has only its folder; try files=, readable="
            )
        if self.ours and (self.walls is not None or self.on_output is not None):
            raise BadArgument("peer: expected ours=True without walls= and on_output=: its output is not read here")
        if self.spares is not None and self.spares.ours != self.ours:
            raise BadArgument(f"peer: expected Spares(ours={self.ours}), got one that was made for the other kind")
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise BadArgument(f"peer: expected names of files below its folder, got {name!r:.200}")
