"""The real carrier of a member and the file of its incarnations, opened only when it joins."""

# The carrier between machines needs eclipse-zenoh, so its types are not known here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from otp.cluster.cookies import discovery_key, is_weak, link_secret
from otp.cluster.discovery import Discovery, Folder, Multicast
from otp.cluster.joining import ClockIncarnations
from otp.distribution import IncarnationFile, Incarnations, NodeId, Settings
from otp.distribution.carriers.direct import DirectCarrier
from otp.distribution.carriers.stream_address import unix_family
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
    tls: Any,
) -> tuple[Callable[[NodeId], Any], Settings]:
    """Return a function that creates the carrier, and settings whose window it can hold.

    Raises `BadArgument` without a private folder for its socket, and with `tls` without eclipse-zenoh.
    """
    group = discovery_key(cookie)
    multicast = next((source.interface for source in discovery if isinstance(source, Multicast)), None)
    if tls is not None:
        return _between_machines(group, settings, listen, connect, multicast, tls)
    # Without Unix sockets no socket lies there, and the folder for temporary files is that of the user.
    folder = Path(tempfile.gettempdir()) if unix_family() is None else runtime_folder()
    listings = [Path(source.path) for source in discovery if isinstance(source, Folder)]
    if multicast is not None:
        listings.append(folder)

    def create(_me: NodeId) -> DirectCarrier:
        return DirectCarrier(
            group, link_secret(cookie), folder=folder, listings=listings, listen=listen, connect=tuple(connect),
            multicast=multicast, weak=is_weak(cookie),
        )  # fmt: skip

    return create, settings


def _between_machines(
    group: str, settings: Settings, listen: str, connect: Sequence[str], multicast: str | None, tls: Any
) -> tuple[Callable[[NodeId], Any], Settings]:
    try:
        module = import_module("otp.distribution.carriers.zenoh")
    except ModuleNotFoundError as error:
        raise BadArgument(
            f"Cluster.join: expected the package eclipse-zenoh, which is not installed ({error}); "
            "try `pip install eclipse-zenoh`"
        ) from None

    def create(_me: NodeId) -> Any:
        return module.ZenohCarrier(group, listen=listen, connect=tuple(connect), multicast=multicast, tls=tls)

    return create, module.settings_for(settings)


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
