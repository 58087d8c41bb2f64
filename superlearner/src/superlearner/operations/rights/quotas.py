"""Quotas: the most that one user may have of sandboxes, recordings and requests.

A learner has the defaults, which follow from the machine and which settings replace; a teacher has `TEACHERS` times as
much; the owner and users without a credential have no limits. The owner replaces single quotas of a user.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Literal

from superlearner.base.commands import command
from superlearner.observing.tracing import Recordings, RecordingsUse
from superlearner.operations.failures import OperationError
from superlearner.operations.rights.accounts import Accounts, standing_of
from superlearner.operations.rights.users import ANONYMOUS, OWNER, Role, key_of
from superlearner.sandbox import Sandboxes
from superlearner.sandbox.happenings import Admit, FleetRefused
from superlearner.sandbox.record import Limits, Sandbox
from superlearner.settings.settings import Settings
from superlearner.store import StoreUnavailable, UserRow

__all__ = ["TEACHERS", "Quota", "QuotaLine", "QuotaName", "Quotas", "derived"]

QuotaName = Literal[
    "sandboxes", "memory_mb", "processes", "cpu_s", "lifetime_s", "recordings", "recording_mb", "requests_per_second"
]
TEACHERS: Final = 4
"""A teacher has this many times the quotas of a learner."""
DEFAULTS: Final = Limits()
MB: Final = 1_000_000
SHOWN: Final = 10
IN_TOTAL: Final[dict[QuotaName, str]] = {"memory_mb": "MB of memory", "processes": "processes"}
"""Limits of a sandbox whose sum over the running sandboxes of a user is limited."""
OF_EACH: Final[dict[QuotaName, str]] = {"cpu_s": "s of processor time", "lifetime_s": "s of lifetime"}
"""Limits of a sandbox that are limited for each."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The most that a user may have; None: no limit."""

    sandboxes: int | None = None
    memory_mb: int | None = None
    processes: int | None = None
    cpu_s: int | None = None
    lifetime_s: int | None = None
    recordings: int | None = None
    recording_mb: int | None = None
    requests_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """A quota of a user."""

    name: QuotaName
    most: int | None = field(metadata={"description": "null: no limit"})
    source: Literal["none", "default", "user"] = field(
        metadata={"description": "`default`: from the role; `user`: set for this one"}
    )
    used: int | float | None = field(metadata={"description": "null for quotas of each sandbox, and of requests"})
    by: list[str] = field(metadata={"description": "the sandboxes or recordings that use it"})


def derived(memory_mb: int, cores: int) -> Quota:
    """Return the quotas of a learner on a machine with this memory and number of cores.

    >>> small = derived(2048, 2)
    >>> small.sandboxes, small.memory_mb, small.processes, small.cpu_s, small.lifetime_s
    (3, 1536, 96, 600, 28800)
    >>> small.recordings, small.recording_mb, small.requests_per_second
    (2, 100, 20)
    >>> derived(32_768, 16).sandboxes, derived(32_768, 16).requests_per_second
    (8, 100)
    """
    sandboxes = min(max(memory_mb // 4096, 3), 10)
    return Quota(
        sandboxes=sandboxes,
        memory_mb=DEFAULTS.memory_mb * sandboxes,
        processes=DEFAULTS.processes * sandboxes,
        cpu_s=min(max(300 * cores, 600), 3600),
        lifetime_s=int(DEFAULTS.lifetime_s),
        recordings=min(max(cores // 2, 2), 4),
        recording_mb=min(max(memory_mb // 40, 100), 1000),
        requests_per_second=min(max(10 * cores, 20), 100),
    )


def machine() -> tuple[int, int]:
    """Return the megabytes of memory and the number of cores of this machine; 4 GB if the system does not tell."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (AttributeError, OSError, ValueError):
        memory = 4096
    return memory, os.cpu_count() or 1


class Quotas:
    """The quotas of the users of one platform.

    Args:
        accounts: the users.
        settings: returns the settings in effect.
        sandboxes: those of all users.
        recordings: those of all users, which ask before a new one.
    """

    def __init__(
        self, accounts: Accounts, settings: Callable[[], Settings], sandboxes: Sandboxes, recordings: Recordings
    ) -> None:
        self.accounts = accounts
        self._settings = settings
        self._sandboxes = sandboxes
        self._recordings = recordings
        self._derived = derived(*machine())
        recordings.admit = self._admit_recording

    async def of(self, user: str) -> Quota:
        """Return the quotas of a user by name."""
        row = await self._row(user)
        if row is None:
            return Quota()
        own = {name: row.quota[name] for name in QUOTAS if name in row.quota}
        return replace(self._of_role(standing_of(row)), **own)

    async def used(self, user: str) -> list[QuotaLine]:
        """Return the quotas of a user with what is used. Raises StoreUnavailable."""
        row, quota = await self._row(user), await self.of(user)
        running = _running(user, self._sandboxes.all())
        kept = await self._recordings.use(user)
        used: Mapping[str, tuple[float, Iterable[str]]] = {
            "sandboxes": (len(running), (one.id for one in running)),
            **{name: (sum(parts.values()), _parts(parts)) for name in IN_TOTAL for parts in [_sizes(running, name)]},
            "recordings": (len(kept.running), kept.running),
            "recording_mb": (round(sum(kept.sizes.values()) / MB, 1), _parts(_megabytes(kept))),
        }
        own: Mapping[str, int] = {} if row is None else row.quota
        lines: list[QuotaLine] = []
        for name in QUOTAS:
            most: int | None = getattr(quota, name)
            amount, by = used.get(name, (None, ()))
            source = "user" if name in own else "none" if most is None else "default"
            lines.append(QuotaLine(name, most, source, amount, list(by)))
        return lines

    async def sandboxes(self, user: str) -> tuple[int, int | None]:
        """Return how many sandboxes of a user run, and the most."""
        return len(_running(user, self._sandboxes.all())), (await self.of(user)).sandboxes

    async def admission(self, user: str) -> Admit:
        """Return the check of a sandbox of this user before it starts."""
        quota = await self.of(user)

        def admit(sandbox: Sandbox, fleet: Iterable[Sandbox]) -> Sandbox | FleetRefused:
            if self.accounts.has_left(user):  # while the request was under way
                return FleetRefused("conflict", f"the user {user} was removed", "start it as another user")
            return _admit(quota, sandbox, fleet)

        return admit

    async def bytes_left(self, user: str) -> int | None:
        """Return how many bytes of recordings a user may add; None: no limit. Raises StoreUnavailable."""
        most = (await self.of(user)).recording_mb
        return None if most is None else max(0, most * MB - sum((await self._recordings.use(user)).sizes.values()))

    async def _admit_recording(self, user: str, use: RecordingsUse, size: int | None) -> None:
        """Check whether a user may have one more recording, of a size; None: it will run. Raises OperationError."""
        quota = await self.of(user)
        if size is None and quota.recordings is not None and len(use.running) >= quota.recordings:
            says = f"{user} has {len(use.running)} of {quota.recordings} running recordings"
            what = f"stop one: POST /api/v1/recordings/{use.running[0]}/stop" if use.running else ""
            refused = _refusal(user, says, use.running, what, "recordings", len(use.running) + 1)
            raise OperationError(refused.code, refused.message, hint=refused.hint)
        total = sum(use.sizes.values())
        if quota.recording_mb is not None and total + (size or 1) > quota.recording_mb * MB:
            more = "" if size is None else f", and this one takes {size / MB:.1f} MB"
            says = f"{user} has {total / MB:.1f} of {quota.recording_mb} MB of recordings{more}"
            ended = [name for name in use.sizes if name not in use.running]
            largest = max(ended, key=use.sizes.__getitem__, default=None)
            what = "" if largest is None else f"delete one: DELETE /api/v1/recordings/{largest}"
            wanted = (total + (size or 0)) // MB + 1
            refused = _refusal(user, says, _parts(_megabytes(use)), what, "recording_mb", wanted)
            raise OperationError(refused.code, refused.message, hint=refused.hint)

    async def _row(self, user: str) -> UserRow | None:
        if key_of(user) not in (OWNER.name, ANONYMOUS.name):
            with suppress(StoreUnavailable):  # while it has not been read, nobody else can sign in
                return await self.accounts.find(user)
        return None

    def _of_role(self, role: Role) -> Quota:
        if role == "owner":
            return Quota()
        settings = self._settings()
        given = {name: getattr(settings, f"quota_{name}") for name in QUOTAS}
        quota = replace(self._derived, **{name: most for name, most in given.items() if most is not None})
        return quota if role != "teacher" else Quota(**{name: TEACHERS * most for name, most in asdict(quota).items()})


QUOTAS: Final[tuple[QuotaName, ...]] = tuple(field.name for field in fields(Quota))  # pyright: ignore[reportAssignmentType]


def _admit(quota: Quota, sandbox: Sandbox, fleet: Iterable[Sandbox]) -> Sandbox | FleetRefused:
    """Return the sandbox with limits within the quota; a refusal if its owner has too much already.

    Limits up to the defaults, and those of a sandbox that starts again, are lowered to the quota.
    """
    user, asked = sandbox.owner, sandbox.configuration.limits
    lowered: dict[str, int] = {}
    for name, unit in (*IN_TOTAL.items(), *OF_EACH.items()):
        most, wanted = getattr(quota, name), getattr(asked, name) or float("inf")  # 0 is a lifetime without limit
        if most is None or wanted <= most:
            continue
        if sandbox.status == "starting" and wanted > getattr(DEFAULTS, name):
            value = "no limit" if wanted == float("inf") else f"{wanted:g}"
            says = f"a sandbox of {user} has at most {most} {unit}, and {sandbox.id} asks for {value}"
            more = None if wanted == float("inf") else int(wanted)
            return _refusal(user, says, (), f"ask for less: limits.{name}", name, more)
        lowered[name] = most
    if lowered:
        asked = replace(asked, **lowered)
        sandbox = replace(sandbox, configuration=replace(sandbox.configuration, limits=asked))
    if sandbox.status == "running":  # it is restarted, so there is not more than before
        return sandbox
    running = [one for one in _running(user, fleet) if one.id != sandbox.id]
    named = next((one.id for one in running if not one.id.startswith("home-")), running[0].id if running else None)
    stop = "" if named is None else f"stop one: DELETE /api/v1/sandboxes/{named}"
    if quota.sandboxes is not None and len(running) >= quota.sandboxes:
        says = f"{user} has {len(running)} of {quota.sandboxes} sandboxes"
        return _refusal(user, says, [one.id for one in running], stop, "sandboxes", len(running) + 1)
    for name, unit in IN_TOTAL.items():
        most, parts = getattr(quota, name), _sizes(running, name)
        total, wanted = sum(parts.values()), getattr(asked, name)
        if most is not None and total + wanted > most:
            says = f"the sandboxes of {user} have {total} of {most} {unit}, and {sandbox.id} asks for {wanted}"
            return _refusal(user, says, _parts(parts), stop, name, total + wanted)
    return sandbox


def _refusal(user: str, says: str, by: Iterable[str], what: str, name: QuotaName, wanted: int | None) -> FleetRefused:
    """Return the refusal: which limit, what is used by what, and what to close."""
    shown = list(by)
    more = [f"and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    listed = f": {', '.join(shown[:SHOWN] + more)}" if shown else ""
    wants: dict[str, Any] = {name: wanted}
    ask = "" if wanted is None else f"ask the owner for more: `{command('user.quota', user, **wants)}`"
    return FleetRefused("quota_exceeded", f"{says}{listed}", ", or ".join(filter(None, (what, ask))))


def _running(user: str, fleet: Iterable[Sandbox]) -> list[Sandbox]:
    return [one for one in fleet if one.owner == user and one.alive]


def _sizes(running: Iterable[Sandbox], name: QuotaName) -> dict[str, int]:
    return {one.id: getattr(one.configuration.limits, name) for one in running}


def _megabytes(use: RecordingsUse) -> dict[str, float]:
    return {name: round(size / MB, 1) for name, size in use.sizes.items()}


def _parts(parts: Mapping[str, float]) -> list[str]:
    return [f"{name} {size:g}" for name, size in parts.items()]
