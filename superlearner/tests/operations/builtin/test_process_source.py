"""The source of a process over HTTP: running or crashed callback, and class."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.source_lines import Lines
from superlearner.operations.builtin import process_source

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


class Till(GenServer[int]):
    @impl
    def init(self, arg: int) -> Ok[int]:
        return Ok(arg)

    @impl
    async def handle_cast(self, request: Any, state: int) -> NoReply[int]:
        if request == "wait":
            await otp.receive(otp.Is("go"))
        return NoReply(state // request)  # the line that fails


class Tills(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Till.child_spec(6, id="till", name="till")])


TILLS = Tree("tills", lambda: Tills.start_link(None, name="tills"))


async def source(platform: Any, **options: Any) -> Any:
    answer = await platform.client.get("/api/v1/processes/till/source", params=options, headers=OWNER)
    return answer.json().get("data") or answer.json()["error"]["code"]


def text(line: list[list[str]]) -> str:
    return "".join(part[1] for part in line)


@pytest.mark.operation("process.source")
def test_the_line_of_the_last_crash_is_marked_in_its_callback(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        first = await source(platform)
        assert (first["why"], first["line"], first["crashed"]) == ("class", None, False)
        assert [one["name"] for one in first["callbacks"]] == ["init", "handle_cast"]
        assert await source(platform, place="crash") == "source_not_found"
        number = first["pid"]
        GenServer.cast(("till", platform.node), 0)
        await Supervisor.count_children(("tills", platform.node))
        await platform.node.wait_registered("till")
        crashed = await source(platform)
        assert crashed["pid"] != number
        assert (crashed["why"], crashed["function"]) == ("crash", "handle_cast")
        assert "ZeroDivisionError" in crashed["reason"]
        marked = crashed["lines"][crashed["line"] - crashed["first_line"]]
        assert text(marked) == "        return NoReply(state // request)  # the line that fails"
        assert ["k", "return"] in marked
        assert crashed["file"].endswith("test_process_source.py")

    inside(test, TILLS, auth="all")


def test_the_file_is_read_and_parsed_outside_of_the_loop(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a long file blocked the loop for a second."""
    threads: list[int] = []

    def lines_around(file: str, line: int) -> Lines | None:
        threads.append(get_ident())
        return real(file, line)

    real = process_source.lines_around
    monkeypatch.setattr(process_source, "lines_around", lines_around)

    async def test(platform: Any) -> None:
        assert (await source(platform))["why"] == "class"
        assert threads
        assert get_ident() not in threads

    inside(test, TILLS, auth="all")


def test_a_running_callback_is_shown_with_its_current_line(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        GenServer.cast(("till", platform.node), "wait")
        await Supervisor.count_children(("tills", platform.node))
        found = await source(platform)
        assert found["why"] == "now"
        assert text(found["lines"][found["line"] - found["first_line"]]).strip() == 'await otp.receive(otp.Is("go"))'
        assert text((await source(platform, callback="init"))["lines"][1]) == "    def init(self, arg: int) -> Ok[int]:"
        assert await source(platform, callback="nothing") == "source_not_found"

    inside(test, TILLS, auth="all")


def test_source_requires_the_scope_code(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get("/api/v1/processes/till/source")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")

    inside(test, TILLS)


def test_the_source_of_the_demo_needs_no_credential_and_any_other_the_scope_code(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def anonymous(pid: str, **options: str) -> tuple[int, Any]:
            answer = await platform.client.get(f"/api/v1/processes/{pid}/source", params=options)
            return answer.status_code, answer.json()

        status, shown = await anonymous("ledger")
        assert (200, True) == (status, shown["data"]["file"].endswith("superlearner/demo/checkout.py"))
        for pid in ("web", "playground"):
            status, refused = await anonymous(pid, place="class")
            assert (403, "missing_scope") == (status, refused["error"]["code"]), pid
        assert "process.source" in {one.operation for one in platform.platform.audit.entries() if one.outcome != "ok"}

    inside(test)
