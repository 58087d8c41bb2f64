"""What the routes share: the platform behind a request, ids in paths, paging, and errors as answers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict

import otp
from otp import Node
from superlearner.control.reasons import text_of_reason
from superlearner.control.steer import MalformedPid, NotThere, Refused, Unanswered
from superlearner.running import Platform
from superlearner.web.errors import ApiError

__all__ = ["Body", "NodeOf", "PageNumber", "PerPage", "PidText", "PlatformOf", "answering"]


class Body(BaseModel):
    """A request body: exact types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


def _platform(request: Request) -> Platform:
    platform: Any = request.app.state.platform
    return platform


PlatformOf = Annotated[Platform, Depends(_platform)]


def _node(platform: PlatformOf) -> Node:
    return platform.running_node()


NodeOf = Annotated[Node, Depends(_node)]

PidText = Annotated[
    str, Path(description="`0.17.0`, `<0.17.0>`, `#PID<0.17.0>` or a registered name", examples=["0.17.0", "counter_1"])
]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="page, from 1")]
PerPage = Annotated[int, Query(ge=1, le=1000, description="items of a page")]


@contextmanager
def answering() -> Generator[None]:
    """Turn what the control layer raises into the API's errors."""
    try:
        yield
    except MalformedPid as error:
        raise ApiError(400, "malformed_pid", str(error), hint="see GET /api/v1/processes") from None
    except NotThere as error:
        listing = "supervisors" if error.kind != "process" else "processes"
        raise ApiError(404, f"{error.kind}_not_found", str(error), hint=f"see GET /api/v1/{listing}") from None
    except Refused as error:
        raise ApiError(
            403, "critical_process_protection", str(error), hint='to end it all the same, send {"force": true}'
        ) from None
    except Unanswered as error:
        raise ApiError(504, "timeout", str(error), hint="a longer timeout_ms, or look what it is doing") from None
    except otp.NoProcess:
        raise ApiError(404, "process_not_found", "the process has just ended") from None
    except otp.StartError as error:
        raise ApiError(409, "start_failed", f"it does not start: {text_of_reason(error.reason)}") from None
    except otp.CallExit as error:
        reason = text_of_reason(error.cause_reason)
        raise ApiError(422, "call_failed", f"the process ended before it answered: {reason}") from None
