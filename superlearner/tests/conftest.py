"""A platform in a process of its own, as people start it, and one in this process, for what can be seen from inside."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import otp
from described_answers import AnswerCheck
from local_link import remote
from operations_plugin import ANSWERED
from otp import Application
from superlearner.access.credentials import Credentials
from superlearner.app.application import SuperLearner, start_trees, trees_of
from superlearner.app.running import RunningPlatform, Tree
from superlearner.base.listening import Listener
from superlearner.operations import PREFIX
from superlearner.operations.engine import registry
from superlearner.sandbox import inside as inside_sandbox
from superlearner.sandbox.messages import Report
from superlearner.sandbox.program import NotLaunched
from superlearner.sandbox.record import ProgramFacts, Sandbox, Wall
from superlearner.settings.configuration import Configuration
from superlearner.settings.settings import Settings
from superlearner.web.platform import Platform
from telemetry_table import TableCheck
from warm_start import Begun, WarmStart

ADDRESS = re.compile(r"https?://[^\s]+")
Running = subprocess.Popen[str] | Begun
JSON = {"content-type": "application/json"}
TOKEN = "a-token-of-the-tests-that-is-long-enough"


@dataclass
class Program:
    """A `superlearner` that runs; `link` is what its readiness line says, `url` the same without the code."""

    process: Running
    url: str
    data_dir: Path
    link: str = ""

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30)

    @property
    def owner(self) -> dict[str, str]:
        """The header with the owner's credential."""
        return {"authorization": f"Bearer {(self.data_dir / 'token').read_text().strip()}"}

    @property
    def environment(self) -> dict[str, str]:
        """For a command about it: what the person who runs the tests has set and stored says nothing."""
        return environment(self.data_dir)

    def clock(self) -> float:
        """Seconds, without those in which it could have gone on and other programs had all cores.

        What it promises about time is measured with this, so that a busy machine does not judge it. Where the kernel
        does not tell how long it waited for a core, these are the seconds of the wall.
        """
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")  # one of them writes the database
        try:
            waited = sum(int(thread.read_text().split()[1]) for thread in threads) / 1e9
        except OSError:
            waited = 0
        return time.monotonic() - waited

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; answers exit code and standard error."""
        code, _, errors, _ = self.last_words(number)
        return code, errors

    def last_words(self, number: signal.Signals) -> tuple[int, str, str, float]:
        """Send a signal; answers exit code, standard output, standard error, and how long it took, by `clock`."""
        begun = self.clock()
        self.process.send_signal(number)
        if isinstance(self.process, Begun):
            self.process.until_ended()
        else:
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        took = self.clock() - begun
        said, errors = self.process.communicate()
        return self.process.returncode, said, errors, took


def environment(data_dir: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SUPERLEARNER_")}
    return {**kept, "SUPERLEARNER_DATA_DIR": str(data_dir), "SUPERLEARNER_BROWSER": "false", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="session", autouse=True)
def search_packages_once() -> Iterator[None]:
    """Let all platforms in this process share one search for plug-ins, which reads a file of each installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", cache(entry_points))
        yield


@pytest.fixture(scope="session")
def warm_start() -> Iterator[WarmStart]:
    with WarmStart() as found:
        yield found


@pytest.fixture
def command(request: pytest.FixtureRequest, warm_start: WarmStart) -> Callable[..., Running]:
    """Start `superlearner` with arguments; a test marked `cold` starts a new Python."""
    return partial(began, None if request.node.get_closest_marker("cold") else warm_start)


def began(warm_start: WarmStart | None, *arguments: str, cwd: Path, env: dict[str, str]) -> Running:
    if warm_start is not None and hasattr(os, "pidfd_open") and for_python(env) == for_python(os.environ):
        return warm_start.begin(*arguments, cwd=cwd, env=env)
    words = [sys.executable, "-m", "superlearner", *arguments]
    return subprocess.Popen(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def superlearner(tmp_path: Path, command: Callable[..., Running]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command that ends by itself."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        process = command(*arguments, cwd=tmp_path, env={**environment(tmp_path / "data"), **extra})
        try:
            said, errors = process.communicate(timeout=30)
        finally:
            ended(process)
        return subprocess.CompletedProcess(process.args, process.wait(), said, errors)

    return run


def for_python(env: Mapping[str, str]) -> dict[str, str]:
    """Return Python's own variables, which a warm start has from its parent."""
    return {key: value for key, value in env.items() if key.startswith("PYTHON") and key != "PYTHONUNBUFFERED"}


RUN = ("run", "--port", "0")


def ready(process: Running, data_dir: Path) -> Program:
    """The program that has begun, when it has said that it is ready, and its tree too, however slow the machine is."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if "; still starting: " in line:
        assert any(one.startswith("started: ") for one in process.stdout)
    found = ADDRESS.search(line)
    if found is None:
        process.kill()
        raise AssertionError(f"expected a readiness line, got {line!r} and {process.communicate()[1]}")
    return Program(process, found[0].partition("/?token=")[0], data_dir, found[0])


def ended(process: Running) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def begin(tmp_path: Path, command: Callable[..., Running]) -> Iterator[Callable[..., Running]]:
    """Start `superlearner run` on a free port; it may never get ready."""
    started: list[Running] = []

    def run(*arguments: str, data_dir: str | None = None, **extra: str) -> Running:
        env = {**environment(Path(data_dir or tmp_path / "data")), **extra}
        started.append(command(*RUN, *arguments, cwd=tmp_path, env=env))
        return started[-1]

    yield run
    for process in started:
        ended(process)


@pytest.fixture
def start(tmp_path: Path, begin: Callable[..., Running]) -> Callable[..., Program]:
    """Start `superlearner run` on a free port and wait for its readiness line."""

    def run(*arguments: str, **extra: str) -> Program:
        return ready(begin(*arguments, **extra), Path(extra.get("data_dir", tmp_path / "data")))

    return run


MEMBER_READY = re.compile(r"member (\S+) ready, (\d+) members?")


@pytest.fixture
def member(tmp_path: Path, command: Callable[..., Running]) -> Iterator[Callable[..., Running]]:
    """Start `superlearner node`, as users start it, and wait until it is ready."""
    started: list[Running] = []

    def run(name: str, *arguments: str, data: str = "data") -> Running:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SUPERLEARNER_")}
        process = command(
            "node", name, "--data-dir", str(tmp_path / data), *arguments,
            cwd=tmp_path, env={**kept, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not MEMBER_READY.match(line):
            process.kill()
            raise AssertionError(f"expected a member, got {line!r} and {process.communicate()[1]}")
        return process

    yield run
    for process in started:
        ended(process)


@contextmanager
def started_by(warm_start: WarmStart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Program]]:
    """`start` with a folder for each program, into which `files` are put; all end with the block."""
    started: list[Running] = []

    def run(*arguments: str, files: dict[str, str] | None = None) -> Program:
        folder = tmp_path_factory.mktemp("program")
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        started.append(began(warm_start, *RUN, *arguments, cwd=folder, env=environment(folder / "data")))
        return ready(started[-1], folder / "data")

    try:
        yield run
    finally:
        for process in started:
            ended(process)


@pytest.fixture(scope="module")
def start_for_all(warm_start: WarmStart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Program]]:
    """`start` for the tests of a module; what it started takes no core from the next module."""
    with started_by(warm_start, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def untouched(warm_start: WarmStart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A platform that no test changes."""
    with started_by(warm_start, tmp_path_factory) as start:
        yield start()


@pytest.fixture
def look(
    untouched: Program, superlearner: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command that looks at `untouched`."""
    return partial(superlearner, SUPERLEARNER_DATA_DIR=str(untouched.data_dir))


class Inside:
    """A platform in this process: its routes, its web sockets, and the node that they are asked about.

    Every answer of its client under `/api/v1` is compared with the OpenAPI document.
    """

    def __init__(self, running: RunningPlatform, client: httpx.AsyncClient, node: otp.Node | None = None) -> None:
        self.running = running
        self.platform = running.platform
        self.client = client
        self.node = node or self.platform.node
        self.hub = self.platform.hub

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
    *trees: Tree, answered: Callable[[str], object] = str, configuration: Configuration | None = None, **settings: Any
) -> AsyncIterator[Inside]:
    """Start the application in this loop; requests go to the real application, without a socket between.

    `answered` is called with each operation whose route has answered without an error.
    """
    listener = Listener.bind("127.0.0.1", 0)
    chosen = configuration or Settings(browser=False, **settings)
    told = TableCheck()
    try:
        async with otp.Node("superlearner@127.0.0.1") as node:
            platform = Platform(node, chosen, listener, version="0", credentials=Credentials(TOKEN))
            platform.telemetry.attach(told)
            running = RunningPlatform(platform, trees or trees_of(None))
            started: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            async def first() -> None:
                try:
                    await Application.start(SuperLearner, args=running)
                    await start_trees(running)
                except BaseException as error:
                    started.set_exception(error)
                else:
                    started.set_result(None)
                    await otp.receive(otp.Is("end"))

            node.spawn(first)
            await started
            document = await asyncio.to_thread(document_of, platform)  # in the loop it would be taken for a held loop
            root = platform.settings.root_path
            transport = httpx.ASGITransport(app=running.web.app, raise_app_exceptions=False, root_path=root)
            check = AnswerCheck(platform.arsenal, document, PREFIX, answered)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", event_hooks={"response": [check]}
            ) as client:
                yield Inside(running, client)
    finally:
        listener.close()
    assert told.problems == []


OTHER = "till@127.0.0.1"
PLACES = ("own", "attached", "remote")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `everywhere` asks the platform's own node, another one of this program, and one behind a line."""
    if metafunc.definition.get_closest_marker("everywhere") is not None:
        metafunc.parametrize("place", PLACES, indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """Node that `inside` sends its requests to."""
    return getattr(request, "param", "own")


@asynccontextmanager
async def elsewhere(platform: Platform, *trees: Tree, far: bool) -> AsyncIterator[otp.Node]:
    """Start an observed node with trees; a `far` one as if in another process."""
    started: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def life() -> None:
        try:
            for tree in trees:
                await tree.start()
            started.set_result(None)
        except BaseException as error:
            started.set_exception(error)
        await otp.receive(otp.Is("end"))

    async with otp.Node(OTHER) as node:
        if not far:
            platform.nodes.attach(node)
        async with remote(platform, node) if far else nullcontext():
            node.spawn(life)
            await started
            yield node


async def ask_the_other(request: httpx.Request) -> None:
    """Add the other node to a request that names none."""
    if "node" not in request.url.params:
        request.url = request.url.copy_add_param("node", OTHER)


@pytest.fixture
def inside(record_property: Callable[[str, object], None], place: str) -> Callable[..., Any]:
    """`inside(test, *trees, **settings)` runs `await test(platform)` with a platform in this process.

    For a test marked `everywhere` the trees are on the node that it asks about.
    """

    def run(test: Callable[[Inside], Any], *trees: Tree, **settings: Any) -> Any:
        answered = partial(record_property, ANSWERED)

        async def own() -> Any:
            async with platform_inside(*trees, answered=answered, **settings) as platform:
                return await test(platform)

        async def other() -> Any:
            async with (
                platform_inside(answered=answered, **settings) as platform,
                elsewhere(platform.platform, *(trees or trees_of(None)), far=place == "remote") as node,
            ):
                platform.client.event_hooks["request"].append(ask_the_other)
                return await test(Inside(platform.running, platform.client, node))

        # A busy machine needs half a minute for the start; the limit of pytest ends the whole run.
        return asyncio.run(asyncio.wait_for(own() if place == "own" else other(), 100))

    return run


class NodeHere:
    """A program that is a node of this loop. `stubborn`: it does not stop when asked."""

    def __init__(self, node: otp.Node, service: otp.Pid, facts: ProgramFacts, *, stubborn: bool = False) -> None:
        self.node = node
        self.service = service
        self.facts = facts
        self.stubborn = stubborn
        self.complete = True
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def ended(self) -> str:
        return await asyncio.shield(self.end)

    async def reload(self, text: str) -> Report:
        return msgspec.convert(await otp.GenServer.call(self.service, ("reload", text)), Report)

    def ask_to_stop(self) -> None:
        if not self.stubborn:
            otp.spawn(self.close, "shut down")

    async def kill(self, why: str) -> None:
        await self.close(why)

    def output(self) -> tuple[str, int]:
        return "hello\n", 6

    async def close(self, why: str) -> None:
        await self.node.close()
        if not self.end.done():
            self.end.set_result(why)


class NodesHere:
    """Starts them; `programs` has all that were started."""

    def __init__(self) -> None:
        self.programs: list[NodeHere] = []
        self.stubborn = False
        self.walled = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def launch(self, sandbox: Sandbox, notice: Callable[[str], object]) -> NodeHere:
        await self.gate.wait()
        wanted = sandbox.configuration
        folder = tempfile.mkdtemp()
        if sandbox.source is not None and wanted.module is None:
            (Path(folder) / "main.py").write_text(sandbox.source.text)
        sys.modules.pop("main", None)
        node = await otp.Node(sandbox.node).__aenter__()
        told = {
            "starts": None if sandbox.source is None else sandbox.source.starts, "module": wanted.module,
            "text": None if sandbox.current < 2 or sandbox.source is None else sandbox.source.text,
            "strategy": wanted.strategy, "max_restarts": wanted.max_restarts, "max_seconds": wanted.max_seconds,
            "custom_config": wanted.custom_config, "held_s": 60.0,
        }  # fmt: skip
        try:
            service = await inside_sandbox.start(node, folder, told)
        except Exception as error:
            await node.close()
            raise NotLaunched("start_failed", str(error)) from None
        finally:
            sys.path[:] = [path for path in sys.path if path != folder]
        facts = await otp.GenServer.call(service, ("facts",))
        walls = (Wall("files", up=True, required=True, says="landlock"),)
        found = ProgramFacts(4711, facts["supervisor_pid"], walls)
        program = NodeHere(node, service, found, stubborn=self.stubborn)
        self.programs.append(program)
        return program

    def warm(self) -> None:
        pass

    def walls(self) -> tuple[Wall, ...]:
        return (Wall("files", up=self.walled, required=True, says="landlock" if self.walled else "no landlock"),)

    def close(self) -> None:
        pass


@pytest.fixture
def nodes_here() -> Iterator[type[NodesHere]]:
    """The class: make it inside a loop."""
    known, path = sys.modules.pop("main", None), list(sys.path)
    yield NodesHere
    sys.path[:] = path
    sys.modules.pop("main", None)
    if known is not None:
        sys.modules["main"] = known
