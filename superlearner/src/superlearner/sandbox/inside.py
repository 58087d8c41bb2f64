"""Inside a sandbox: starts its tree and answers the platform.

It shares its program with untrusted code.

sandbox         this service, on a separate hidden node that pages do not show
Main            the tree, on the sandbox's node
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import os
import re
import sys
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

import otp
from otp import Application, Down, From, GenServer, NoReply, Ok, Pid, Reply, Supervisor, impl
from otp.code import run_import
from otp.observer.hints import hint_for
from otp.redaction import source_line
from superlearner.base.loading import kind_of
from superlearner.control.failures import explain, explain_start
from superlearner.control.handled import callback_of
from superlearner.control.mistakes import first_of_twice, place_of_failed_start
from superlearner.control.reasons import tagged, text_of_reason
from superlearner.control.terms import clip, is_a, plain_pid, text_of
from superlearner.control.wrong_results import name_place
from superlearner.sandbox.interrupting import Interrupter
from superlearner.sandbox.messages import MOST_NEWS, WORDS, WRONG_MODULE
from superlearner.sandbox.reloading import exchange, reload, show_lines, source_of
from superlearner.sandbox.review import review
from superlearner.sandbox.syntax import FILE
from superlearner.sandbox.unawaited import Unawaited

__all__ = ["SERVICE", "Inside", "start"]

SERVICE: Final = "sandbox"
MOST_KNOWN: Final = 5
SEEN_S: Final = 1.5
"""Seconds the node stays up after a give-up, so that pages can read its final signals."""
STOP_S: Final = 10.0
"""Seconds that the tree may take to stop after `sys.exit()`."""

A = TypeVar("A")


@dataclass(slots=True)
class Tree:
    """The state of the service."""

    node: otp.Node
    module: ModuleType
    top: Pid
    flags: dict[str, Any]
    asks: From | None = None
    """The caller that waits for news."""

    last_words: str = ""
    """The sentence that the top supervisor logged when it gave up."""

    log_filter: LastWords | None = None

    notices: deque[str] = field(default_factory=deque[str])
    missed: int = 0
    """Notices dropped because the queue was full."""

    leaving: str | None = None
    """The reason the whole program ends, if code inside called `sys.exit()`."""

    ended: str | None = None
    """The way the tree ended, until it is reported."""

    interrupter: Interrupter | None = None
    unawaited: Unawaited | None = None


async def start(node: otp.Node, folder: str, wanted: Mapping[str, Any]) -> Pid:
    """Start the tree on `node`, and the service that answers for it on a hidden node.

    Args:
        node: the node of the tree.
        folder: the folder with the source, as `main.py`; empty for a tree from a module.
        wanted: `starts` names the class in the source, or `module` is `package.module:Class`, with a `text` that
            replaces its file, or None; `strategy`, `max_restarts`, `max_seconds`: None keeps those of the code;
            `custom_config`: the argument of `init`; `held_s`: how long a callback may hold the loop, in seconds.

    Raises the errors of the code's import, and `StartError` with a sentence if the tree does not start.
    """
    hidden = await otp.Node(f"sandbox.{node.name}").__aenter__()
    hidden.body = None  # it has no block that ends with it
    node.subscribe(lambda _event: None, kinds={"node_down"}).on_node_end = hidden.begin_close
    module, cls = await _load(folder, wanted)
    flags = {name: wanted[name] for name in ("strategy", "max_restarts", "max_seconds") if wanted[name] is not None}
    try:
        top = await _start_tree(node, cls, wanted["custom_config"])
    except Exception as error:
        why = _in_one_line(_why(node, error, cls.__module__), folder)
        raise otp.StartError(f"{cls.__name__} failed to start: {why}") from None
    tree = Tree(node, module, top, flags)
    node.on_shutdown = partial(_leave, tree, hidden)
    await _apply(tree)
    return await hidden.start(Inside, (tree, wanted["held_s"]))


class LastWords(logging.Filter):
    """Keeps the sentence that the top supervisor logs when it gives up.

    A filter, because a handler would keep Python's last resort from printing warnings.
    """

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self.tree = tree

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        fields = vars(record)
        if fields.get("otp_decision") == "gave_up" and fields.get("otp_pid") == str(self.tree.top):
            self.tree.last_words = _last_words(self.tree.node, record.getMessage())
        return True


class Inside(GenServer[Tree]):
    """The service; calls: `("facts",)`, `("alive",)`, `("reload", text)`, `("next",)`.

    The last is answered once there is news; see `told` for the answers.
    """

    @impl
    def init(self, arg: tuple[Tree, float]) -> Ok[Tree]:
        tree, held_s = arg
        otp.monitor(tree.top)
        tree.log_filter = LastWords(tree)
        logging.getLogger("otp.supervisor").addFilter(tree.log_filter)
        me = self.pid
        tree.interrupter = Interrupter(tree.node, held_s, lambda words: otp.send(me, ("interrupted", words)))
        tree.interrupter.start()
        tree.unawaited = Unawaited(tree.module.__file__ or FILE, lambda words: otp.send(me, ("interrupted", words)))
        tree.unawaited.start()
        return Ok(tree)

    @impl
    async def handle_call(self, request: Any, caller: From, tree: Tree) -> Reply[Tree] | NoReply[Tree]:
        match tagged(request):
            case "facts", ():
                text = source_of(tree.module)
                found = [] if text is None else review(tree.module, text)
                return Reply({"supervisor_pid": plain_pid(tree.top), "source": text, "warnings": found}, tree)
            case "alive", ():
                return Reply({}, tree)
            case "reload", (str(text),):
                report = await reload(tree.node, tree.module, text) if otp.is_alive(tree.top) else {}
                if not otp.is_alive(tree.top):  # the sandbox is ending, see SEEN_S
                    report = {"refused": "its tree has ended, and the sandbox ends with it", "ended": True}
                if "refused" not in report:
                    await _apply(tree)
                    if tree.unawaited is not None:
                        tree.unawaited.forget()
                return Reply(report, tree)
            case "next", ():
                tree.asks = caller
                _send_news(tree)
                return NoReply(tree)
            case _:
                return Reply({"refused": f"expected facts, alive, reload or next, got {text_of(request, 100)}"}, tree)

    @impl
    def handle_info(self, message: Any, tree: Tree) -> NoReply[Tree]:
        match message:
            case Down(item=item, reason=reason) if item is tree.top:
                seen_s = SEEN_S if tree.last_words and not tree.leaving else 0.0
                otp.send_after(seen_s, self.pid, ("ended", tree.leaving or _end(tree, reason)))
            case ("ended", str(words)):
                tree.ended = words
            case ("interrupted", str(words)):
                _note(tree, words)
            case _:
                pass
        _send_news(tree)
        return NoReply(tree)

    @impl
    def terminate(self, reason: Any, tree: Tree) -> None:
        if tree.log_filter is not None:
            logging.getLogger("otp.supervisor").removeFilter(tree.log_filter)
        if tree.interrupter is not None:
            tree.interrupter.stop()
        if tree.unawaited is not None:
            tree.unawaited.stop()


def _note(tree: Tree, words: str) -> None:
    if len(tree.notices) < MOST_NEWS:
        tree.notices.append(clip(words, WORDS))
    else:
        tree.missed += 1


def _send_news(tree: Tree) -> None:
    """Answer the caller that waits for news, once there is some."""
    if tree.asks is None or not (tree.notices or tree.ended):
        return
    GenServer.reply(tree.asks, {"notices": list(tree.notices), "missed": tree.missed, "ended": tree.ended})
    tree.asks, tree.missed, tree.ended = None, 0, None
    tree.notices.clear()


# The tree


async def _load(folder: str, wanted: Mapping[str, Any]) -> tuple[ModuleType, type]:
    """Load the module and return it with its class; errors are passed on."""
    name, _, cls_name = (wanted["module"] or f"{Path(FILE).stem}:{wanted['starts']}").partition(":")
    if wanted["module"] is None and folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = run_import(partial(importlib.import_module, name))
    except ModuleNotFoundError as error:
        if wanted["module"] is None or not f"{name}.".startswith(f"{error.name}."):  # another module is missing
            raise
        raise otp.StartError(f"{WRONG_MODULE}expected an installed module, got {name!r}: {error}") from None
    if wanted["module"] is not None and wanted["text"] is not None:
        show_lines(module, wanted["text"])
        await exchange(module, wanted["text"])
    cls: Any = getattr(module, cls_name, None)
    if kind_of(cls) is None:
        got = (
            text_of(cls, 100)
            if hasattr(module, cls_name)
            else f"which does not exist{_suggest_class(module, cls_name)}"
        )
        where = "" if wanted["module"] is None else WRONG_MODULE
        if wanted["module"] is None and isinstance(cls, type):
            line = inspect.getsourcelines(cls)[1]
            raise otp.StartError(
                f"{cls_name} is not a Supervisor and not an Application; try class {cls_name}(Supervisor) "
                f"({FILE}, line {line}, in {cls_name}: {source_line(module.__file__ or FILE, line)})"
            )
        raise otp.StartError(f"{where}expected a Supervisor or an Application, got {name}:{cls_name}, {got}")
    return module, cls


def _suggest_class(module: ModuleType, cls_name: str) -> str:
    """Return a suggestion from the trees of a module."""
    known = [name for name, value in vars(module).items() if kind_of(value) is not None]
    near = get_close_matches(cls_name, known, 1) or known[:MOST_KNOWN]
    return f"; try {' or '.join(f'{module.__name__}:{name}' for name in near)}" if near else ""


def _why(node: otp.Node, error: Exception, module: str) -> str:
    if isinstance(error, otp.StartError) and not isinstance(error.reason, str):
        place = place_of_failed_start(node, error.reason, module)
        said, first = explain_start(error.reason, place), first_of_twice(error.reason, place)
        return said if first is None else said.replace(" twice; ", f" twice, first at {FILE}:{first}; ", 1)
    return explain(error)


def _in_one_line(explanation: str, folder: str) -> str:
    r"""Return an explanation of several lines as one sentence that ends with the line that raised.

    >>> _in_one_line(
    ...     "its child a does not start\n  KeyError: 'b'\n    /c/main.py, line 5, in A.init\n      d['b']", "/c"
    ... )
    "its child a does not start: KeyError: 'b' (main.py, line 5, in A.init: d['b'])"
    """
    lines = [line.strip() for line in explanation.split("\n")]
    at = next((place for place, line in enumerate(lines) if re.search(r", line \d+, in \S+\Z", line)), None)
    if not at:
        return ": ".join(lines)
    where = lines[at].removeprefix(os.path.join(folder, "")) if folder else lines[at]
    return f"{': '.join(lines[:at])} ({': '.join([where, *lines[at + 1 :]])})"


async def _start_tree(node: otp.Node, cls: Any, config: Any) -> Pid:
    if kind_of(cls) == "supervisor":
        found = await node.start(cls, config, name=cls.__name__)
        if not isinstance(found, Pid):
            raise otp.StartError(f"{cls.__name__}.init returned Ignore()")
        return found

    args = () if config is None else config
    await _on(node, lambda: Application.ensure_all_started(cls, args=args))
    specs = await _on(node, Application.loaded_applications)
    return next(spec.top for spec in specs if spec.cls is cls and spec.top is not None)


async def _on(node: otp.Node, work: Callable[[], Awaitable[A]]) -> A:
    """Run work in a process of the node."""
    answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()

    async def do() -> None:
        try:
            answer.set_result(await work())
        except BaseException as error:
            answer.set_exception(error)

    node.spawn(do)
    return await answer


async def _apply(tree: Tree) -> None:
    """Apply the requested supervisor options over those of the code."""
    if tree.flags and otp.is_alive(tree.top):
        await Supervisor.change_flags(tree.top, **tree.flags)


def _leave(tree: Tree, hidden: otp.Node, error: BaseException) -> None:
    """Stop the tree after `SystemExit` or `KeyboardInterrupt`.

    The node stays up until the platform has the reason: the services that report it end with the node.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f": {FILE}:{one.lineno}" for one in reversed(frames) if one.filename == tree.module.__file__), "")
    said = text_of(error, 100).replace("SystemExit(None)", "SystemExit()")
    remedy = "; to end one process, return Stop(reason, state)" if isinstance(error, SystemExit) else ""
    tree.leaving = f"{said} was raised in one of its processes, which ends the whole program{remedy}{place}"
    hidden.spawn(_stop, tree.top)


async def _stop(top: Pid) -> None:
    try:
        await Supervisor.stop(top, "shutdown", STOP_S)
    except otp.Exit:
        otp.exit(top, "kill")


def _last_words(node: otp.Node, words: str) -> str:
    """Add place and hint of the crash to the sentence of a give-up: this node ends, so no page can ask for them."""
    told = name_place(node, words)
    if not re.search(r" \(last: \S+ crashed\b.*\)$", words, re.DOTALL):
        return told
    ends = (one.data for one in reversed(otp.trace.history(node)) if one.kind == "exited")
    crashes = (one for one in ends if is_a(one["reason"], otp.Crash))  # another process may have crashed since
    crash = next((one for one in crashes if f" crashed: {text_of_reason(one['reason'])}" in words), None)
    hint = None if crash is None else hint_for(crash["reason"], callback_of(crash))
    return told if hint is None else f"{told[:-1]}; {hint})"


def _end(tree: Tree, reason: Any) -> str:
    if text_of_reason(reason) == "normal":
        return "it was stopped"
    if text_of_reason(reason) == "shutdown":
        return tree.last_words or "its tree gave up: it had too many restarts"
    return f"its tree ended: {text_of_reason(reason, 500)}"
