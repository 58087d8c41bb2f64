"""A platform in a process of its own, as people start it, and one in this process, for what can be seen from inside."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tools.described_answers import AnswerCheck
from tools.operations_plugin import ANSWERED

import otp
from otp import Application
from superlearner.application import SuperLearner, start_trees, trees_of
from superlearner.arsenal.adapters.rest import PREFIX
from superlearner.listening import Listener
from superlearner.running import Platform, Tree
from superlearner.settings import Settings
from superlearner.web.credentials import Credentials

ADDRESS = re.compile(r"https?://[^\s]+")
JSON = {"content-type": "application/json"}
TOKEN = "a-token-of-the-tests-that-is-long-enough"


@dataclass
class Program:
    """A `superlearner` that runs; `url` is what its readiness line says."""

    process: subprocess.Popen[str]
    url: str
    data_dir: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=10)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; answers exit code and standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)  # a busy machine; how fast it ends has a test of its own
        return self.process.returncode, errors


def environment(data_dir: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SUPERLEARNER_")}
    return {**kept, "SUPERLEARNER_DATA_DIR": str(data_dir), "SUPERLEARNER_BROWSER": "false", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def superlearner(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command that ends by itself."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "superlearner", *arguments],
            cwd=tmp_path,
            env={**environment(tmp_path / "data"), **extra},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `superlearner run` on a free port; it may never get ready."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, data_dir: str | None = None, **extra: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "superlearner", "run", "--port", "0", *arguments],
            cwd=tmp_path,
            env={**environment(Path(data_dir or tmp_path / "data")), **extra},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def start(tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]) -> Callable[..., Program]:
    """Start `superlearner run` on a free port and wait for its readiness line."""

    def run(*arguments: str, **extra: str) -> Program:
        data_dir = Path(extra.get("data_dir", tmp_path / "data"))
        process = begin(*arguments, **extra)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = ADDRESS.search(line)
        if found is None:
            process.kill()
            raise AssertionError(f"expected a readiness line, got {line!r} and {process.communicate()[1]}")
        return Program(process, found[0], data_dir)

    return run


class Inside:
    """A platform in this process: its node, its routes, its web sockets.

    Every answer of its client under `/api/v1` is compared with the OpenAPI document.
    """

    def __init__(self, platform: Platform, client: httpx.AsyncClient) -> None:
        self.platform = platform
        self.client = client
        self.node = platform.running_node()
        assert platform.hub is not None
        self.hub = platform.hub

    async def get(self, path: str, **options: Any) -> Any:
        answer = await self.client.get(path, **options)
        return answer.json()

    async def call(self, name: str, request: Any) -> Any:
        return await otp.GenServer.call((name, self.node), request)


DOCUMENTS: dict[tuple[str, ...], dict[str, Any]] = {}


def document_of(platform: Platform) -> dict[str, Any]:
    """The OpenAPI document of a platform: made once for all with the same operations, since it takes half a second."""
    key = (platform.settings.root_path, *(operation.name for operation in platform.arsenal))
    if key not in DOCUMENTS:
        DOCUMENTS[key] = platform.openapi()
    return DOCUMENTS[key]


@asynccontextmanager
async def platform_inside(
    *trees: Tree, answered: Callable[[str], object] = str, **settings: Any
) -> AsyncIterator[Inside]:
    """Start the application in this loop; requests go to the real application, without a socket between.

    `answered` is told each operation whose route has answered without an error.
    """
    listener = Listener.bind("127.0.0.1", 0)
    chosen = Settings(browser=False, **settings)
    platform = Platform(chosen, listener, trees or trees_of(None), version="0", credentials=Credentials(TOKEN))
    try:
        async with otp.Node("superlearner@127.0.0.1") as node:
            started: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            async def first() -> None:
                try:
                    await Application.start(SuperLearner, args=platform)
                    await start_trees(platform)
                except BaseException as error:
                    started.set_exception(error)
                else:
                    started.set_result(None)
                    await otp.receive(otp.Is("end"))

            node.spawn(first)
            await started
            assert platform.web is not None
            root = platform.settings.root_path
            transport = httpx.ASGITransport(app=platform.web.app, raise_app_exceptions=False, root_path=root)
            check = AnswerCheck(platform.arsenal, partial(document_of, platform), PREFIX, answered)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", event_hooks={"response": [check]}
            ) as client:
                yield Inside(platform, client)
    finally:
        listener.close()


@pytest.fixture
def inside(record_property: Callable[[str, object], None]) -> Callable[..., Any]:
    """`inside(test, *trees, **settings)` runs `await test(platform)` with a platform in this process."""

    def run(test: Callable[[Inside], Any], *trees: Tree, **settings: Any) -> Any:
        async def main() -> Any:
            answered = partial(record_property, ANSWERED)
            async with platform_inside(*trees, answered=answered, **settings) as platform:
                return await test(platform)

        return asyncio.run(asyncio.wait_for(main(), 60))

    return run
