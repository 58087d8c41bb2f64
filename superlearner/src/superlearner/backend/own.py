"""The start-up code of the peer of `superlearner run FILE:Name`.

It first connects to the platform, then starts the user's tree.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import otp
from otp import Application, Down, From, GenServer, Node, NoReply, Ok, Pid, Reply, impl
from otp.peer import Here
from superlearner.backend.boot import SERVICE, start
from superlearner.backend.child import answer_of, buffer_lines
from superlearner.backend.history_buffer import HistoryBuffer
from superlearner.base.commands import command
from superlearner.base.data_dir import in_data_dir
from superlearner.base.loading import Loaded, LoadError, load
from superlearner.control.failures import explain
from superlearner.control.reasons import text_of_reason
from superlearner.nodes.kinds import TREE
from superlearner.observing.logs import TerminalLog, explained_once
from superlearner.sandbox.line import BACKEND, SANDBOX, Answering
from superlearner.settings.settings import Settings

__all__ = ["boot", "start_tree"]

WORDS: Final = 500


async def boot(here: Here) -> None:
    """Answer the platform from now on; start the tree on its request.

    An import may take long. `here.args`: `target`, `args`, `first` (whether this is the first run),
    `path` and `argv` of the program, `log_level` and `log_format` of its terminal, `allow_eval` and `data_dir` of the
    platform.
    """
    wanted: Mapping[str, Any] = here.args
    sys.path[:], sys.argv[:] = wanted["path"], wanted["argv"]
    buffer_lines()
    settings = Settings(browser=False, **{name: wanted[name] for name in ("log_level", "log_format")})
    TerminalLog(lambda: settings).open()
    if "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = partial(_no_terminal, wanted["data_dir"])
    history = HistoryBuffer()
    history.open()
    services = await start(here.node, history=history, kind=TREE, evaluates=wanted["allow_eval"])
    hidden = await Node(f"own.{here.node.name}").__aenter__()
    hidden.body = None  # it has no block that ends with it
    here.node.subscribe(lambda _event: None, kinds={"node_down"}).on_node_end = hidden.begin_close
    tree = await hidden.start(OwnTree, (here.node, wanted))

    async def asked(question: bytes) -> bytes | None:
        return await answer_of(tree, json.loads(question)[0])

    async def looked(question: bytes) -> bytes | None:
        return await answer_of(services[SERVICE], question)

    await Answering(here.link, {BACKEND: looked, SANDBOX: asked}).open()


def _no_terminal(data_dir: str | None, *_: object, **__: object) -> None:
    instead = f"try `{command('run', 'FILE.py:Name', in_process=True)}`"
    folder = None if data_dir is None else Path(data_dir)
    raise RuntimeError(f"breakpoint(): this program has no terminal; {in_data_dir(instead, folder)}")


class _Tree:
    """The state of the service, with the caller that waits for the tree's end."""

    __slots__ = ("asks", "end", "node", "wanted")

    def __init__(self, node: Node, wanted: Mapping[str, Any]) -> None:
        self.node = node
        self.wanted = wanted
        self.asks: From | None = None
        self.end: str | None = None


class OwnTree(GenServer[Any]):
    """A server that starts the tree and reports its end.

    It answers `"start"` with null or the error, and `"ended"` with how the tree ended as soon as it has, both as JSON.
    """

    @impl
    def init(self, arg: tuple[Node, Mapping[str, Any]]) -> Ok[Any]:
        return Ok(_Tree(*arg))

    @impl
    async def handle_call(self, request: Any, caller: From, tree: Any) -> Any:
        if request == "start":
            return Reply(json.dumps(await _start(tree)).encode(), tree)
        tree.asks = caller
        _answer_if_ended(tree)
        return NoReply(tree)

    @impl
    def handle_info(self, message: Any, tree: Any) -> NoReply[Any]:
        if type(message) is Down:
            said = text_of_reason(message.reason, WORDS)
            tree.end = "gave up" if said == "shutdown" else f"ended: {said}"
            _answer_if_ended(tree)
        return NoReply(tree)


def _answer_if_ended(tree: _Tree) -> None:
    if tree.asks is not None and tree.end is not None:
        GenServer.reply(tree.asks, json.dumps(tree.end).encode())
        tree.asks = None


async def _start(tree: _Tree) -> list[str] | None:
    try:
        loaded = load(tree.wanted["target"])
        # The platform explains the failure of a first start: see `superlearner.app.program`.
        with explained_once(tree.wanted["log_level"]) if tree.wanted["first"] else nullcontext():
            otp.monitor(await start_tree(tree.node, loaded, tree.wanted["args"]))
    except LoadError as error:
        return ["load", error.message, error.hint]
    except Exception as error:
        return ["start", explain(error)]
    return None


async def start_tree(node: Node, loaded: Loaded, args: tuple[Any, ...] = ()) -> Pid:
    """Start the user's tree on `node`; return its top. `args` as in `superlearner.app.application.tree_of`.

    Raises:
        StartError: it does not start.
        LoadError: there is an argument, and it takes none.
    """
    cls: Any = loaded.cls
    if loaded.kind == "supervisor":
        if args and not getattr(cls, "_takes_argument", True):
            raise LoadError(f"{loaded.name} is a DynamicSupervisor, which takes no argument", "leave out --arg")
        found = await node.start(cls, *args, name=loaded.name)
        if not isinstance(found, Pid):
            raise otp.StartError(f"{loaded.name}.init returned Ignore()")
        return found
    me = otp.self()

    async def begin() -> None:
        try:
            await Application.ensure_all_started(cls, args=args[0] if args else ())
            loaded = await Application.loaded_applications()
            otp.send(me, ("top", next(one.top for one in loaded if one.cls is cls)))
        except Exception as error:
            otp.send(me, ("top", error))

    node.spawn(begin)
    _, top = await otp.receive(otp.Tag("top"))
    if isinstance(top, Exception):
        raise top
    return top
