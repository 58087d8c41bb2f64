"""Sandboxes controlled over the API: source code for tests, and requests."""

from __future__ import annotations

from typing import Any

__all__ = ["NODE", "OWNER", "SOURCE", "ask", "cast", "create", "state", "until"]

OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}

SOURCE = """\
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor

print("loaded")

class Counter(GenServer):
    def init(self, start):
        return Ok(start)
    def handle_call(self, request, caller, n):
        return Reply(n, n)
    def handle_cast(self, request, n):
        if request == "spin":
            while True:
                pass
        if request == "exit":
            import os
            os._exit(3)
        return NoReply(n + 1)

class Main(Supervisor):
    def init(self, config):
        start = config["start"] if config else 0
        return Children([Counter.child_spec(start, id="counter", name="counter")])
"""

NODE = "sandbox-a@127.0.0.1"


async def ask(platform: Any, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
    answer = await platform.client.request(method, f"/api/v1{path}", json=body, headers=OWNER, **options)
    assert answer.status_code == status, answer.text
    return answer.json()["data"] if status == 200 else answer.json()["error"]


async def create(platform: Any, id: str = "a", **more: Any) -> Any:
    return await ask(platform, "POST", "/sandboxes", {"sandbox_id": id, "source": SOURCE, **more})


async def cast(platform: Any, message: Any) -> None:
    body = {"message": message, "message_type": "cast"}
    await ask(platform, "POST", f"/processes/counter/message?node={NODE}", body)


async def state(platform: Any) -> str:
    return (await ask(platform, "GET", f"/processes/counter/state?node={NODE}"))["state"]


async def until(platform: Any, status: str, id: str = "a") -> Any:
    """Return the record once it has this status."""
    viewer = platform.platform.node_list.attach()
    try:
        while True:
            record = await ask(platform, "GET", f"/sandboxes/{id}")
            if record["status"] == status:
                return record
            await viewer.next()
    finally:
        platform.platform.node_list.detach(viewer)
