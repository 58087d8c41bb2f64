"""The real carrier of a cluster, imported only when a member opens it."""

# The carrier needs eclipse-zenoh, so its types are not known here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from otp.cluster.cookies import discovery_key, link_secret
from otp.cluster.discovery import Discovery, Multicast
from otp.distribution import NodeId, Settings
from otp.kernel.errors import BadArgument

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

    Raises `BadArgument` without eclipse-zenoh.
    """
    try:
        module = import_module("otp.distribution.carriers.zenoh")
    except ModuleNotFoundError as error:
        raise BadArgument(
            f"Cluster.join: expected the package eclipse-zenoh, which is not installed ({error}); "
            "try `pip install eclipse-zenoh`"
        ) from None
    group = discovery_key(cookie)
    multicast = next((source.interface for source in discovery if isinstance(source, Multicast)), None)

    def create(_me: NodeId) -> Any:
        secret = link_secret(cookie)
        return module.ZenohCarrier(
            group, listen=listen, connect=tuple(connect), multicast=multicast, tls=tls, secret=secret
        )

    return create, module.settings_for(settings)
