"""The real carrier of a member and the file of its incarnations, opened only when it joins."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from otp.cluster.cookies import discovery_key, is_weak, link_secret
from otp.cluster.discovery import Discovery, Folder, Multicast
from otp.cluster.joining import ClockIncarnations
from otp.distribution import IncarnationFile, Incarnations, NodeId, Settings
from otp.distribution.carriers.direct import DirectCarrier
from otp.distribution.carriers.stream_address import unix_family
from otp.distribution.carriers.tls import Tls
from otp.doors.folder import runtime_folder
from otp.kernel.values.errors import BadArgument
from otp.kernel.values.sentences import say

__all__ = ["real_carrier", "stored_incarnations"]


def real_carrier(
    cookie: bytes,
    settings: Settings,
    *,
    listen: str,
    connect: Sequence[str],
    discovery: Sequence[Discovery],
    tls: Tls | None,
    advertise: str | None = None,
) -> Callable[[NodeId], DirectCarrier]:
    """Return a function that creates the carrier.

    Raises `BadArgument` without a private folder for its socket.
    """
    group = discovery_key(cookie)
    multicast = next((source.interface for source in discovery if isinstance(source, Multicast)), None)
    # With certificates there is no socket there, and without Unix sockets the folder is that of temporary files.
    needs_folder = tls is None and unix_family() is not None
    folder = runtime_folder() if needs_folder else Path(tempfile.gettempdir())
    listings = [Path(source.path) for source in discovery if isinstance(source, Folder) and tls is None]
    if multicast is not None and tls is None:
        listings.append(folder)

    def create(_me: NodeId) -> DirectCarrier:
        return DirectCarrier(
            group, link_secret(cookie), folder=folder, listings=listings, listen=listen, connect=tuple(connect),
            multicast=multicast, weak=is_weak(cookie), tls=tls, silence=settings.dead, advertise=advertise,
        )  # fmt: skip

    return create


def stored_incarnations(name: str, cookie: bytes, clock: Callable[[], float]) -> Incarnations:
    """Return the incarnations of a member that names no file: in one of this user's, by its name and cluster.

    Without a folder of this user, they are those of the clock, and a start within the same second is not a new one.
    """
    try:
        folder = runtime_folder()
    except BadArgument as error:
        say(logging.WARNING, "%s numbers its starts by the clock: %s", name, error)
        return ClockIncarnations(clock)
    key = hashlib.blake2b(f"{discovery_key(cookie)} {name}".encode(), digest_size=8).hexdigest()
    return IncarnationFile(folder / f"incarnation-{key}", clock=clock)
