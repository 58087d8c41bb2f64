"""A browser, a platform that says what the test tells it to, and one that is real.

A page that logs an error, breaks its content policy or throws fails the test it was opened in.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright
from tools.chromium import ARGUMENTS, chromium

import otp
from context_pool import ContextPool
from local_link import remote
from superlearner.demo import Shop

#: What a browser says by itself when a connection is refused; tests of that make it happen on purpose.
EXPECTED = ("WebSocket connection to", "Failed to load resource")


# How long a page may take to show what it has to: on two cores with a second browser and its platform beside it.
expect.set_options(timeout=15_000)


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"sl_tests_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


FAKE = _load(Path(__file__).parents[1] / "fake.py")
INSIDE = _load(Path(__file__).parents[2] / "conftest.py")
SHOP = "app/shop_sup"
SECOND = "shop@127.0.0.1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder as browser tests."""
    here = f"{Path(__file__).parent}{os.sep}"  # a text: to compare paths would take a second for all tests
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)


ONE_RENDERER = "--renderer-process-limit=1"
"""Let the pages of a context share a process. Else Chromium starts one for each page, and no kept context is warm."""


def find_unwanted_arguments() -> list[str]:
    """Return the arguments of Playwright to leave out.

    One puts shared memory, through which all files of a page pass, on the disk. It is for machines with little memory.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30
    return ["--disable-dev-shm-usage"] if roomy else []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium(windowless=True)
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=[*ARGUMENTS, ONE_RENDERER], ignore_default_args=find_unwanted_arguments()
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    """A page for modules, and nothing else."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="session")
def context_pool(browser: Browser) -> ContextPool:
    return ContextPool(browser)


TAKES_FOCUS = "element => { element.focus(); return element.getRootNode().activeElement === element }"


@pytest.fixture(scope="session", autouse=True)
def press_when_focused() -> Iterator[None]:
    """Let `Locator.press` wait until its element takes the focus: Playwright would send the key to the page instead.

    An element of ours takes the focus when what it steps through is loaded.
    """
    press = Locator.press

    def press_later(locator: Locator, key: str, **more: Any) -> None:
        deadline = time.monotonic() + 15
        while not locator.evaluate(TAKES_FOCUS):  # the page may draw the element again, so it is found each time
            assert time.monotonic() < deadline, f"{locator} does not take the focus"
            locator.page.evaluate(LATER)
        press(locator, key, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Locator, "press", press_later)
        yield


LATER = """() => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(null);
    port2.postMessage(null);
})"""


def route_at_once(page: Page) -> None:
    """Let `page.route` return when the page's next request is intercepted.

    Chromium answers before the renderer has taken over: 4 of 1,300 requests right after it reached the server, and none
    of 1,300 after another task of the page.
    """
    begin = page.route

    def route(*given: Any, **more: Any) -> None:
        begin(*given, **more)
        page.evaluate(LATER)

    page.route = route  # type: ignore[method-assign]


@pytest.fixture
def open_page(browser: Browser, context_pool: ContextPool) -> Iterator[Callable[..., Page]]:
    """Opens an address in a context of its own: ``open_page(url, width=…, theme=…)``.

    The browser may know the files of a page from an earlier test; with ``fresh=True`` it has nothing yet.
    """
    taken: list[BrowserContext] = []
    fresh_ones: list[BrowserContext] = []
    wrong: list[str] = []

    def receive(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            wrong.append(message.text)

    def open_one(
        url: str, *, width: int = 1440, theme: str = "light", ready: bool = True, fresh: bool = False, **more: Any
    ) -> Page:
        phone = width < 600
        size = {"width": width, "height": 844 if phone else 900}
        more = {"reduced_motion": "reduce", "has_touch": phone, "is_mobile": phone} | more
        options = {"viewport": size, "color_scheme": theme} | more
        context = browser.new_context(**options) if fresh else context_pool.take(**options)
        (fresh_ones if fresh else taken).append(context)
        page = context.new_page()
        page.on("console", receive)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        route_at_once(page)
        page.goto(url)
        if ready:
            expect(page.locator("#supervisors")).to_have_attribute("data-ready", "tree")
        return page

    yield open_one
    for context in fresh_ones:
        context.close()
    for context in taken:
        context_pool.give_back(context)
    assert wrong == []


@pytest.fixture(scope="session")
def row() -> Callable[..., dict[str, Any]]:
    """Makes a row of the feed: ``row("app/shop_sup/ledger", restarts=2)``."""
    return FAKE.row


@pytest.fixture(scope="session")
def failure() -> Callable[..., Any]:
    """Makes an answer that refuses: ``failure(code, message, status, hint)``."""
    return FAKE.failure


@pytest.fixture(scope="session")
def held_port() -> Iterator[int]:
    """A port for one platform after another; the browser has cached their files."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the other listeners set this, too
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def platform(held_port: int) -> Iterator[Any]:
    """A small shop that does nothing by itself."""
    row = FAKE.row
    made = FAKE.FakePlatform(
        port=held_port,
        nodes=[
            row("app", strategy="one_for_one", critical=True),
            row(SHOP, strategy="rest_for_one"),
            row(f"{SHOP}/ledger"),
            row(f"{SHOP}/cart"),
            row(f"{SHOP}/mailer"),
            row("app/pool", strategy="dynamic", what="DynamicSupervisor"),
            row("app/pool/0.81.0", id="order 81", name=None, pid="0.81.0", what="Order"),
            row("app/web", critical=True),
        ],
    )
    made.start()
    yield made
    made.stop()


class Served:
    """A real platform in a thread; `node` is the second node that it observes, if any."""

    def __init__(self, loop: asyncio.AbstractEventLoop, platform: Any, node: otp.Node | None) -> None:
        self.url = platform.listener.url("")
        self.platform = platform
        self.node = node
        self._loop = loop

    def do(self, work: Callable[[], object]) -> Any:
        """Call something in the loop of the platform."""

        async def call() -> object:
            found = work()
            return await found if inspect.isawaitable(found) else found

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(20)


@asynccontextmanager
async def _with_second(platform: Any, *, far: bool = False) -> AsyncIterator[otp.Node]:
    """A second node with its own shop, which the platform observes; with `far`, over a connection."""
    async with otp.Node(SECOND) as node, remote(platform, node) if far else nullcontext():
        if not far:
            platform.nodes.attach(node)

        async def life() -> None:
            await Shop.start_link(None, name="shop")
            await otp.receive(otp.Is("end"))

        node.spawn(life)
        await node.wait_registered("stocktaking")
        yield node


@contextmanager
def _served(second: Callable[[Any], AbstractAsyncContextManager[otp.Node | None]], **settings: Any) -> Iterator[Served]:
    started: Future[Served] = Future()
    ends: list[Callable[[], object]] = []

    async def main() -> None:
        async with INSIDE.platform_inside(**settings) as running, second(running.platform) as node:
            end = asyncio.Event()
            loop = asyncio.get_running_loop()
            ends.append(lambda: loop.call_soon_threadsafe(end.set))
            started.set_result(Served(loop, running.platform, node))
            await end.wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = threading.Thread(target=run, name="platform", daemon=True)
    thread.start()
    found = started.result(30)
    yield found
    ends[0]()
    thread.join(30)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Served]:
    """A platform for all tests of a module: its own node has the demo and the shop, `shop@127.0.0.1` a shop."""
    with _served(_with_second, max_body=1 << 16) as served:
        yield served


@pytest.fixture(scope="module")
def remote_node_page() -> Iterator[Served]:
    """A platform as in `two_nodes`, which observes the second node as if it were in another process."""
    with _served(partial(_with_second, far=True)) as served:
        yield served


@pytest.fixture
def guarded_nodes() -> Iterator[Served]:
    """A platform as in `two_nodes`, for one test, on which everybody signs in."""
    with _served(_with_second, auth="all") as served:
        yield served


@pytest.fixture
def real_platform() -> Iterator[Served]:
    """The demo and the shop, for one test."""
    with _served(lambda _platform: nullcontext()) as served:
        yield served


@pytest.fixture(scope="module")
def stored_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo and the shop, with a database, for all tests of a module."""
    with _served(lambda _platform: nullcontext(), data_dir=tmp_path_factory.mktemp("data")) as served:
        served.do(lambda: served.platform.store.sync())
        yield served


@pytest.fixture
def page(open_page: Callable[..., Page], platform: Any) -> Page:
    """The page on that shop, as wide as a laptop."""
    return open_page(f"{platform.url}/supervisors")


@pytest.fixture
def looks() -> Callable[[Page, str], Callable[[], list[str]]]:
    """Records what a line looks like, one entry a change: ``seen = looks(page, key)``, later ``seen()``."""

    def watch(page: Page, key: str) -> Callable[[], list[str]]:
        page.evaluate(
            """(key) => {
                const line = document.querySelector(`[role=treeitem][data-key="${key}"]`);
                const seen = ((window.looks ??= {})[key] = []);
                const watch = new MutationObserver(() => seen.push(line.dataset.look));
                watch.observe(line, {attributeFilter: ["data-look"]});
            }""",
            key,
        )
        return lambda: page.evaluate("(key) => window.looks[key]", key)

    return watch
