"""A test that runs as the first process of a node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from otp import testing


def first_process(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run the test as the first process of a node under virtual time."""

    def run() -> None:
        testing.Scheduler(seed=0).run(test)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
