"""The attachment of a service to a platform under test."""

from __future__ import annotations

from typing import Any

__all__ = ["ATTACHED", "NODE", "OWNER", "attach"]

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
ATTACHED = "/api/v1/nodes/attached"
NODE = "shop@127.0.0.1"


async def attach(platform: Any, address: str = NODE, **more: Any) -> Any:
    return await platform.client.post(ATTACHED, json={"address": address, **more}, headers=OWNER)
