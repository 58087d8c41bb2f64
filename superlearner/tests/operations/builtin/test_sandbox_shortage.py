"""Sandboxes on a machine that cannot open another process or file."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

import pytest

from asked_sandboxes import SOURCE, ask, create

Inside = Callable[..., Any]


@pytest.mark.parametrize("path", ["/sandboxes", "/sandboxes?dry_run=true", "/sandbox-walls"])
def test_a_full_machine_is_not_an_internal_error_and_later_requests_succeed(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Regression: `POST /sandboxes` answered 500 on a busy machine."""

    async def look(platform: Any) -> None:
        wanted = {"sandbox_id": "a", "demo": "demo_one_for_one"} if path != "/sandbox-walls" else None
        method = "GET" if wanted is None else "POST"
        with monkeypatch.context() as scarce:
            scarce.setattr("subprocess.Popen", refused_by_the_machine)
            assert [] == await ask(platform, "GET", "/sandboxes")
            error = await ask(platform, method, path, wanted, status=503)
            assert "service_unavailable" == error["code"]
            assert "not have enough room for another process" in error["message"]
        await ask(platform, method, path, wanted)

    inside(look)


def test_a_sandbox_refused_for_lack_of_resources_is_not_called_invalid(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(platform: Any) -> None:
        await ask(platform, "GET", "/sandbox-walls")
        with monkeypatch.context() as scarce:
            scarce.setattr("subprocess.Popen", refused_by_the_machine)
            error = await ask(
                platform, "POST", "/sandboxes", {"sandbox_id": "a", "demo": "demo_one_for_one"}, status=503
            )
        assert ("service_unavailable", True) == (error["code"], "out of resources" in error["message"])
        assert [] == await ask(platform, "GET", "/sandboxes")

    inside(look)


def test_a_lack_of_descriptors_is_reported_and_the_next_sandbox_starts(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it answered 409 when the last descriptor was missing."""

    async def look(platform: Any) -> None:
        with monkeypatch.context() as scarce:
            scarce.setattr("socket.socket.dup", no_descriptor)
            error = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE}, status=503)
        assert "service_unavailable" == error["code"]
        assert "this machine does not have enough files that the platform may have open" in error["message"]
        assert [] == await ask(platform, "GET", "/sandboxes")
        await create(platform)

    inside(look)


def no_descriptor(*given: Any) -> Any:
    raise OSError(errno.EMFILE, "Too many open files")


def test_isolation_is_tested_once_for_simultaneous_requests(inside: Inside) -> None:
    """Regression: thirty simultaneous requests tested isolation thirty times."""
    tried: list[int] = []

    async def look(platform: Any) -> None:
        sandboxes = platform.platform.sandboxes
        real = sandboxes.launcher.walls
        sandboxes.launcher.walls = lambda: (tried.append(1), real())[1]
        answers = await asyncio.gather(*(ask(platform, "GET", "/sandbox-walls") for _ in range(10)))
        assert all(answer == answers[0] for answer in answers)
        await ask(platform, "GET", "/sandbox-walls")
        assert [1] == tried

    inside(look)


def refused_by_the_machine(*given: Any, **named: Any) -> Any:
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
