"""The store of leases of a scenario on real members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otp.cluster.etcd_leases import EtcdLeases
from otp.cluster.postgres_leases import PostgresLeases

__all__ = ["open_store"]


def open_store(given: Mapping[str, Any]) -> PostgresLeases | EtcdLeases:
    """Return the store with these arguments.

    >>> open_store({"dsn": "postgresql://ada@db/shop", "namespace": "scenario-1"})
    PostgresLeases('db/shop', namespace='scenario-1')
    """
    return PostgresLeases(**given) if "dsn" in given else EtcdLeases(**given)
