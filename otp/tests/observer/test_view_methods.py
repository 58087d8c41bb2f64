"""The table behind the views: what a view sends is what servers of earlier versions accept."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

import otp
from otp.observer import LocalView, NodeView, RemoteView, TraceSpec

PROCESSES = {"kind": None, "search": "", "status": None, "sort": "pid", "descending": False}
FLAGS = {"strategy": None, "max_restarts": None, "max_seconds": None}
SPEC = {"pids": (), "kinds": ("sent", "received", "dropped"), "limit": 1000, "rate": 1000, "system": False}

# method, its arguments in a program, and the arguments of the request
REQUESTS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("info", (), {}),
    ("metrics", (), {}),
    ("processes", (), {**PROCESSES, "offset": 0, "limit": 1000, "deadline": 0.1}),
    ("process", ("p",), {"pid": "p", "redact": True}),
    ("state", ("p",), {"pid": "p", "redact": True, "length": 10_000}),
    ("supervision_tree", (), {"root": None, "depth": 20, "deadline": 0.1, "limit": 5000}),
    ("graph", (), {"pids": None, "limit": 2000}),
    ("which_children", ("s",), {"supervisor": "s", "limit": 1000}),
    ("count_children", ("s",), {"supervisor": "s"}),
    ("send", ("p", 1), {"pid": "p", "message": 1}),
    ("cast", ("p", 1), {"pid": "p", "request": 1}),
    ("call", ("p", 1), {"pid": "p", "request": 1, "timeout": 5.0}),
    ("exit", ("p",), {"pid": "p", "reason": "kill"}),
    ("suspend", ("p",), {"pid": "p"}),
    ("resume", ("p",), {"pid": "p"}),
    ("start_child", ("s", [1]), {"supervisor": "s", "child": [1]}),
    ("terminate_child", ("s", 1), {"supervisor": "s", "child": 1}),
    ("restart_child", ("s", 1), {"supervisor": "s", "child": 1}),
    ("delete_child", ("s", 1), {"supervisor": "s", "child": 1}),
    ("change_strategy", ("s",), {"supervisor": "s", **FLAGS}),
    ("replace_state", ("p", 1), {"pid": "p", "state": 1}),
    ("reload", ("m",), {"module": "m"}),
    ("events", (), {"since": 0, "kinds": None, "redact": True, "buffer": 1000}),
    ("trace", (), {"spec": ("$view", "TraceSpec", {**SPEC, "redact": True, "length": 200, "buffer": 1000})}),
]


class Recording:
    """A link that keeps the last request."""

    node = "elsewhere"
    request_term: Any = None

    async def request(self, request: Any) -> Any:
        self.request_term = request
        return ("ok", None)

    def pid(self, node: str, creation: int, number: int) -> otp.Pid:
        raise NotImplementedError

    def reader(self) -> Any:
        return None


async def sent(name: str, *args: Any, **kwargs: Any) -> Any:
    link = Recording()
    await getattr(RemoteView(link), name)(*args, **kwargs)
    method, arguments = link.request_term
    assert method == name
    return arguments


def test_the_list_of_requests_has_every_method() -> None:
    methods = {name for name in vars(NodeView) if not name.startswith("_")} - {"name"}
    assert methods == {name for name, _, _ in REQUESTS}


@pytest.mark.parametrize(("name", "args", "arguments"), REQUESTS, ids=[name for name, _, _ in REQUESTS])
def test_a_request_has_all_arguments_by_name(name: str, args: tuple[Any, ...], arguments: dict[str, Any]) -> None:
    streamed = {"reader": None} if name in ("events", "trace") else {}
    assert {**arguments, **streamed} == asyncio.run(sent(name, *args))


def test_arguments_that_cannot_travel_are_converted() -> None:
    assert ("a", "b") == asyncio.run(sent("graph", pids=iter(["a", "b"])))["pids"]
    assert ("exited",) == asyncio.run(sent("events", kinds=iter(["exited"])))["kinds"]
    child = asyncio.run(sent("start_child", "s", (LocalView, 1)))["child"]
    assert ("$view", "ChildStart", "otp.observer") == (*child[:2], child[2]["start"].rpartition(".")[0])
    with pytest.raises(otp.BadArgument, match="expected ChildStart"):
        asyncio.run(sent("start_child", "s", 7))


@pytest.mark.parametrize("view", [NodeView, LocalView, RemoteView])
def test_methods_have_the_documentation_and_signature_of_their_function(view: type) -> None:
    assert "Return the details of a process" in (inspect.getdoc(getattr(view, "process")) or "")
    assert ["self", "pid", "redact"] == list(inspect.signature(getattr(view, "process")).parameters)
    assert ["self", "spec"] == list(inspect.signature(getattr(view, "trace")).parameters)
    assert TraceSpec() == inspect.signature(getattr(view, "trace")).parameters["spec"].default


def test_wrong_arguments_are_refused_like_those_of_any_function() -> None:
    view = RemoteView(Recording())
    for wrong in ({"nonsense": 1}, {"self": 1}, {"node": 1}):
        with pytest.raises(TypeError, match="argument"):
            asyncio.run(view.info(**wrong))  # type: ignore[call-arg]
