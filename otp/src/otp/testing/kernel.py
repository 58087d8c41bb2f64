"""The scheduler of processes in a test: what it keeps besides, and how the functions of a test find it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from otp.kernel.scheduler import Scheduler, find_scheduler

if TYPE_CHECKING:
    from otp.kernel.node import Node
    from otp.kernel.pids import Pid

__all__ = ["TestingKernel", "testing_kernel"]


class TestingKernel(Scheduler):
    """The kernel's scheduler, with the supervisors that belong to the test."""

    __slots__ = ("supervisors",)

    def __init__(self, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(loop, **options)
        self.supervisors: dict[Node, asyncio.Future[Pid]] = {}


def testing_kernel(what: str) -> TestingKernel:
    """The testing scheduler of the running loop; `what` asks, and is named in the error."""
    found = find_scheduler()
    if isinstance(found, TestingKernel):
        return found
    raise RuntimeError(
        f"{what}: expected a testing scheduler, got {'no scheduler' if found is None else 'one for production'}; "
        "try @pytest.mark.otp on the test, or otp.testing.Scheduler().run(test)"
    )
