"""The real carrier of a cluster, imported only when a member opens it."""

# The carrier between machines needs eclipse-zenoh, so its types are not known here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from otp.cluster.cookies import discovery_key, is_weak, link_secret
from otp.cluster.discovery import Discovery, Folder, Multicast
from otp.distribution import NodeId, Settings
from otp.distribution.carriers.direct import DirectCarrier
from otp.distribution.carriers.stream_address import unix_family
from otp.doors.folder import runtime_folder
from otp.kernel.values.errors import BadArgument

__all__ = ["real_carrier"]


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
