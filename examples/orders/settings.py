"""Settings of the service, from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    database: str
    redis: str
    payments: str
    operable: bool  # whether those who attach to the service may change it

    @classmethod
    def from_environment(cls) -> Settings:
        return cls(
            database=os.environ.get("ORDERS_DATABASE", "postgresql://127.0.0.1/orders"),
            redis=os.environ.get("ORDERS_REDIS", "redis://127.0.0.1:6379"),
            payments=os.environ.get("ORDERS_PAYMENTS", "http://127.0.0.1:8001"),
            operable=os.environ.get("ORDERS_OPERABLE") == "yes",
        )
