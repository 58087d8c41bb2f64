"""The resource limits of a peer."""

from __future__ import annotations

from dataclasses import dataclass, fields

from otp.kernel.values.errors import BadArgument

__all__ = ["Limits"]

MAY_BE_NONE = ("cpu_s", "wall_s", "hold_s")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a peer and of all that it starts. Those marked * apply to a peer without walls as well.

    Args:
        memory_mb: MiB of memory for all its processes together.
        cpu_s: seconds of processor time of all its processes; None: no limit.
        processes: processes and threads at a time.
        open_files: open files and sockets per process.
        files_mb: MiB of files in its folder, and for one file.
        output_kb*: KiB that it may write to its standard output and standard error in total; the newest 64 are kept.
        hold_s*: seconds that its loop may be held before it is ended, or longer while it lacks the processor; None: no
            limit.
        wall_s*: seconds that it may run by the clock; None: no limit.
        start_s*: seconds in which it has to be ready.
        nice: how much its processes yield to others: with 5, one that loops gets a quarter of a core that others want
            fully. With much more it starves on a busy machine.

    >>> Limits(memory_mb=64).processes
    32
    """

    memory_mb: int = 256
    cpu_s: float | None = 600.0
    processes: int = 32
    open_files: int = 128
    files_mb: int = 16
    output_kb: int = 1024
    hold_s: float | None = 5.0
    wall_s: float | None = None
    start_s: float = 10.0
    nice: int = 5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name in MAY_BE_NONE:
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or value < 0
                or (value == 0 and field.name != "nice")
            ):
                raise BadArgument(f"Limits({field.name}=): expected a positive number, got {value!r:.100}")
