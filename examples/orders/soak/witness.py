"""The service, with a note of each request that it begins: those have to be answered, also after SIGTERM.

uvicorn closes a connection that it has accepted but not read from when SIGTERM arrives. Only this note distinguishes
such a request, which its client may repeat, from one that the service was working on.
"""

from __future__ import annotations

import os
from typing import Any

from orders.service import app as service  # as in `uvicorn --app-dir examples`

BEGUN = "ORDERS_SOAK_BEGUN"
"""The environment variable with the path of the notes: a number in each line, as in the header `X-Request-ID`."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    for name, value in scope.get("headers", ()):
        if name == b"x-request-id":
            note(value)
    await service(scope, receive, send)


def note(number: bytes) -> None:
    with open(os.environ[BEGUN], "ab", buffering=0) as notes:
        notes.write(number + b"\n")
