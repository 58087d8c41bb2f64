"""In a sandbox: its tree, and what the platform asks about it. It shares the program with code that may do anything.

sandbox         this service, on a hidden node of its own: nothing of it is seen on the pages
Main            the tree, on the sandbox's node
"""

from __future__ import annotations

import asyncio
import importlib
import linecache
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

import otp
from otp import Application, Down, From, GenServer, NoReply, Ok, Pid, Reply, Supervisor, code, impl, observer
from superlearner.control.failures import explain, explain_start
from superlearner.control.reasons import tagged, text_of_reason
from superlearner.control.slots import id_text
from superlearner.control.terms import clip, plain_pid, safe_text, text_of
from superlearner.control.tree import supervisor_state, what_of
from superlearner.loading import kind_of
from superlearner.sandbox.interrupting import Interrupter
from superlearner.sandbox.source import MOST_SOURCE
from superlearner.sandbox.syntax import FILE

__all__ = ["SERVICE", "Inside", "start"]

SERVICE: Final = "sandbox"
MOST_SERVERS: Final = 200
STATE_LENGTH: Final = 2000
MOST_NEWS: Final = 50

A = TypeVar("A")


@dataclass(slots=True)
class Tree:
    """What this service knows of the tree."""

    node: otp.Node
    module: ModuleType
    top: Pid
    flags: dict[str, Any]
    asks: From | None = None
    """Who waits for what is new."""

    news: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MOST_NEWS))
    interrupter: Interrupter | None = None


async def start(node: otp.Node, folder: str, wanted: Mapping[str, Any]) -> Pid:
    """Start the tree on `node`, and on a hidden node the service that answers for it.

    Args:
        node: where the tree lives.
        folder: where its source is, as `main.py`; nothing is there for one from a module.
        wanted: `starts` names the class in the source, or `module` is `package.module:Class`, with a `text` in place
            of its file or None; `strategy`, `max_restarts`, `max_seconds`: None leaves them to the code;
            `custom_config`: what `init` gets; `held_s`: how long a callback may hold the loop.

    Raises whatever the code raises while it is imported, and `StartError` with a sentence if the tree does not start.
    """
    hidden = await otp.Node(f"sandbox.{node.name}").__aenter__()
    node.subscribe(lambda _event: None, kinds={"node_down"}).on_node_end = hidden.begin_close
    module, cls = await _load(folder, wanted)
    flags = {name: wanted[name] for name in ("strategy", "max_restarts", "max_seconds") if wanted[name] is not None}
    try:
        top = await _start_tree(node, cls, wanted["custom_config"])
    except Exception as error:
        raise otp.StartError(f"{cls.__name__} does not start: {_why(error)}") from None
    tree = Tree(node, module, top, flags)
    await _apply(tree)
    return await hidden.start(Inside, (tree, wanted["held_s"]))


class Inside(GenServer[Tree]):
    """Answers `("facts",)`, `("reload", text)` and `("next",)`: `("notice", words)` or `("ended", words)`, in time."""

    @impl
    def init(self, arg: tuple[Tree, float]) -> Ok[Tree]:
        tree, held_s = arg
        otp.monitor(tree.top)
        me = self.pid
        tree.interrupter = Interrupter(tree.node, held_s, lambda words: otp.send(me, ("interrupted", words)))
        tree.interrupter.start()
        return Ok(tree)

    @impl
    async def handle_call(self, request: Any, caller: From, tree: Tree) -> Reply[Tree] | NoReply[Tree]:
        match tagged(request):
            case "facts", ():
                return Reply({"supervisor_pid": plain_pid(tree.top), "source": _source(tree.module)}, tree)
            case "reload", (str(text),):
                return Reply(await _reload(tree, text), tree)
            case "next", ():
                tree.asks = caller
                _tell_next(tree)
                return NoReply(tree)
            case _:
                return Reply({"refused": f"expected facts, reload or next, got {text_of(request, 100)}"}, tree)

    @impl
    def handle_info(self, message: Any, tree: Tree) -> NoReply[Tree]:
        match message:
            case Down(item=item, reason=reason) if item is tree.top:
                tree.news.append(("ended", _end(reason)))
            case ("interrupted", str(words)):
                tree.news.append(("notice", clip(words, 300)))
            case _:
                pass
        _tell_next(tree)
        return NoReply(tree)

    @impl
    def terminate(self, reason: Any, tree: Tree) -> None:
        if tree.interrupter is not None:
            tree.interrupter.stop()


def _tell_next(tree: Tree) -> None:
    """Tell who asks what is new, once there is something."""
    if tree.asks is not None and tree.news:
        GenServer.reply(tree.asks, tree.news.popleft())
        tree.asks = None


# The tree


async def _load(folder: str, wanted: Mapping[str, Any]) -> tuple[ModuleType, type]:
    """The module and its class; what it raises is raised."""
    name, _, cls_name = (wanted["module"] or f"{Path(FILE).stem}:{wanted['starts']}").partition(":")
    if wanted["module"] is None and folder not in sys.path:
        sys.path.insert(0, folder)
    module = importlib.import_module(name)
    if wanted["module"] is not None and wanted["text"] is not None:
        await _exchange(module, wanted["text"])
    cls: Any = getattr(module, cls_name, None)
    if kind_of(cls) is None:
        raise otp.StartError(f"expected a Supervisor or an Application, got {name}:{cls_name}, {text_of(cls, 100)}")
    return module, cls


def _why(error: Exception) -> str:
    if isinstance(error, otp.StartError) and not isinstance(error.reason, str):
        return explain_start(error.reason)
    return explain(error)


async def _start_tree(node: otp.Node, cls: Any, config: Any) -> Pid:
    if kind_of(cls) == "supervisor":
        found = await node.start(cls, config, name=cls.__name__)
        if not isinstance(found, Pid):
            raise otp.StartError(f"{cls.__name__}.init answered Ignore()")
        return found

    args = () if config is None else config
    await _on(node, lambda: Application.ensure_all_started(cls, args=args))
    specs = await _on(node, Application.loaded_applications)
    return next(spec.top for spec in specs if spec.cls is cls and spec.top is not None)


async def _on(node: otp.Node, work: Callable[[], Awaitable[A]]) -> A:
    """Do something in a process of the node."""
    answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()

    async def do() -> None:
        try:
            answer.set_result(await work())
        except BaseException as error:
            answer.set_exception(error)

    node.spawn(do)
    return await answer


async def _apply(tree: Tree) -> None:
    """The options that were asked for, over those of the code."""
    if tree.flags and otp.is_alive(tree.top):
        await Supervisor.change_flags(tree.top, **tree.flags)


def _end(reason: Any) -> str:
    if text_of_reason(reason) == "shutdown":
        return "its tree gave up: it restarted more often than it may"
    return f"its tree ended: {text_of_reason(reason, 500)}"


# Its source


class Typed(SourceFileLoader):
    """Loads a module from a text instead of its file, which stays what it is: it may belong to somebody else."""

    def __init__(self, module: ModuleType, text: str) -> None:
        super().__init__(module.__name__, module.__file__ or FILE)
        self._text = text

    def get_data(self, path: str) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The text, for its file."""
        return self._text.encode() if path == self.path else super().get_data(path)


def _source(module: ModuleType) -> str | None:
    """The text of its file, as far as it has one of a size to edit."""
    try:
        text = Path(module.__file__ or "").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) <= MOST_SOURCE else None


async def _exchange(module: ModuleType, text: str) -> code.UpgradeReport:
    """Let a module and its servers go over to another text. Raises UpgradeRefused."""
    spec: Any = module.__spec__
    before = spec.loader
    spec.loader = Typed(module, text)
    try:
        report = await code.reload(module)
    except code.UpgradeRefused:
        spec.loader = before
        raise
    # the lines of tracebacks; without a time it is not compared with the file
    linecache.cache[spec.loader.path] = len(text), None, text.splitlines(keepends=True), spec.loader.path
    return report


async def _reload(tree: Tree, text: str) -> dict[str, Any]:
    """Put another source in, or leave everything as it is."""
    before = {pid: _state(tree.node, pid) for pid in _servers(tree)}
    try:
        report = await _exchange(tree.module, text)
    except code.UpgradeRefused as refused:
        return {"refused": _refusal(refused)}
    await _apply(tree)
    return {
        "servers": [
            {
                "pid": plain_pid(one.pid),
                "name": _name(one.pid),
                "what": clip(one.cls.__qualname__, 200),
                "old_vsn": text_of(one.old_vsn, 100),
                "new_vsn": text_of(one.new_vsn, 100),
                "before": before.get(one.pid),
                "after": _state(tree.node, one.pid),
            }
            for one in report.servers[:MOST_SERVERS]
        ],
        "servers_count": len(report.servers),
        "still_old": [plain_pid(pid) for pid in report.still_old[:MOST_SERVERS]],
    }


def _servers(tree: Tree) -> list[Pid]:
    return [one.pid for one in code.versions(tree.module)][:MOST_SERVERS]


def _state(node: otp.Node, pid: Pid) -> str | None:
    """The state of a server as text; a supervisor's is its children, which are seen elsewhere."""
    if supervisor_state(pid) is not None:
        return None
    found = observer.process(node, pid, messages=0, length=STATE_LENGTH, exits=0, related=0)
    return None if found is None or found.state is None else clip(safe_text(found.state), STATE_LENGTH)


def _name(pid: Pid) -> str:
    name = otp.process_info(pid, "registered_name")
    return what_of(pid) if name is None else id_text(name)


def _refusal(refused: code.UpgradeRefused) -> str:
    who = "the new source cannot be used" if refused.server is None else f"{_name(refused.server)} refused"
    reason = "it did not stop in time" if refused.reason == "timeout" else explain_start(refused.reason)
    return f"nothing has changed: {who}: {reason}"
