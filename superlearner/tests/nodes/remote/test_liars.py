"""A lying backend gets error codes; the platform stays up and serves others."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import otp
from superlearner.live import relay
from superlearner.live.relay import AT_ONCE
from superlearner.nodes.remote import BadAnswer, NodeGone
from superlearner.nodes.remote.protocol import (
    PROTOCOL,
    Attached,
    Done,
    Executed,
    Fact,
    Facts,
    Failed,
    File,
    Frame,
    Hello,
    Items,
    Part,
    Recent,
    Stream,
    read_request,
    written,
)
from superlearner.operations.context import Context
from superlearner.operations.engine.execution import execute
from superlearner.operations.rights.users import OWNER as ADMIN
from superlearner.web.live import source_of

pytestmark = pytest.mark.program

Inside = Callable[..., Any]
LIAR = "liar@127.0.0.1"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
COUNT = "/api/v1/supervisors/shop/children/count"
RIGHT = {"supervisor": "0.3.0", "specs": 3, "active": 3, "supervisors": 0, "workers": 3}
FACT = Fact("open", 1, 1, "3", 1)


class Liar:
    """A connection whose remote end sends what the test needs after `Hello`; like an older one it has no restarts."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Any] = []
        self.sent: list[Any] = []

    async def ask(self, request: bytes) -> object:
        read = read_request(request)
        if isinstance(read, Hello):
            return written(Facts(PROTOCOL, LIAR, FACT))
        if isinstance(read, Recent):
            return written(Failed("malformed_request", "expected another request"))
        self.asked.append(read)
        answer = self.answer(read) if callable(self.answer) else self.answer
        return await answer if asyncio.iscoroutine(answer) else answer

    def cast(self, request: bytes) -> None:
        self.sent.append(read_request(request))


@asynccontextmanager
async def liar(running: Any, answer: Any) -> AsyncIterator[Any]:
    line = Liar(answer)
    running.platform.anomaly_history.close()  # it would ask, too
    found = await running.platform.nodes.attach_remote(LIAR, line)
    found.line = line
    yield found
    running.platform.nodes.detach(LIAR)


async def ask(running: Any, path: str = COUNT, method: str = "GET", **query: Any) -> Any:
    return await running.client.request(method, path, params={"node": LIAR, **query}, headers=OWNER)


def executed(data: bytes, **more: Any) -> bytes:
    return written(Executed(data, **more))


DEEP = b"[" * 100_000
LIES: dict[str, Any] = {
    "no bytes": {"data": 1},
    "a text": "<html><script>alert(1)</script>",
    "none": None,
    "nothing": b"",
    "html": b"<html><body>502</body></html>",
    "100 MB": lambda _request: b"\x91" * 100_000_000,
    "100 MB of data": lambda _request: executed(b" " * 100_000_000),
    "deep msgpack": b"\x91" * 1_000_000,
    "another answer": written(Done()),
    "an answer with more fields": msgspec.msgpack.encode({"type": "executed", "data": b"{}", "more": 1}),
    "html as data": executed(b"<html>"),
    "data of a wrong type": executed(json.dumps({**RIGHT, "specs": "<b>three</b>"}).encode()),
    "data with a field missing": executed(b'{"specs": 3}'),
    "deep data": executed(b'{"specs":' + DEEP),
    "too many values": executed(b"[" + b"[]," * 1_000_000 + b"[]]"),
    "a number of 5,000 digits": executed(json.dumps(RIGHT).replace("3,", "9" * 5000 + ",", 1).encode()),
    "a number of 200 digits": executed(json.dumps(RIGHT).replace("3,", "9" * 200 + ",", 1).encode()),
    "a number of 65 bits": executed(json.dumps(RIGHT | {"specs": 2**64}).encode()),
    "half a character": executed(b'{"supervisor": "\\ud800", "specs": 3}'),
    "no UTF-8": executed(b'{"supervisor": "\xff"}'),
    "a code of the doors": written(Failed("unauthorized", "log in again")),
    "a code that does not exist": written(Failed("<script>", "")),
    "a bug there": written(Failed("internal_error", "KeyError")),
    "a code of another operation": written(Failed("recording_not_found", "")),
    "a stream": written(Stream(1, "1")),
    "a file": written(File(1, "text/html", "x.html")),
}


def test_an_invalid_answer_is_a_bad_answer(inside: Inside) -> None:
    async def test(running: Any) -> None:
        for lie, answer in LIES.items():
            async with liar(running, answer):
                got = await ask(running)
                assert (got.status_code, got.json()["error"]["code"]) == (502, "bad_answer"), lie
                assert len(got.content) < 2000, lie

    inside(test)


def test_reading_a_lie_does_not_block_the_loop(inside: Inside) -> None:
    """Measured in processor time: oversized answers are refused unparsed."""

    async def test(running: Any) -> None:
        for lie, answer in LIES.items():
            ready = answer(None) if callable(answer) else answer
            async with liar(running, ready):
                await ask(running)
                begun = time.process_time()
                await ask(running)
                assert time.process_time() - begun < 0.2, lie

    inside(test)


def test_a_valid_answer_passes_with_the_fields_of_its_model_only(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with liar(running, executed(json.dumps({**RIGHT, "html": "<b>"}).encode())):
            assert (await ask(running)).json()["data"] == RIGHT

    inside(test)


def test_a_node_that_never_answers_is_a_timeout_and_others_do_not_wait(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superlearner.operations.engine.forwarding.MARGIN_S", 0.05)

    async def test(running: Any) -> None:
        async def answer(_request: Any) -> Any:
            return await asyncio.Event().wait()

        async with liar(running, answer):
            path = "/api/v1/processes/counter_1/message"
            asked = {"message": "get_value", "message_type": "call", "timeout_ms": 1}
            got = await running.client.post(path, params={"node": LIAR}, json=asked, headers=OWNER)
            assert (got.status_code, got.json()["error"]["code"]) == (504, "timeout")
            assert (await running.get("/api/v1/processes/counter_1/info"))["success"]
            lines = {one["name"]: one["status"] for one in (await running.get("/api/v1/nodes"))["data"]}
            assert lines[LIAR] == "silent"

    inside(test)


def test_waiting_requests_are_limited(inside: Inside) -> None:
    async def test(running: Any) -> None:
        all_wait = asyncio.Event()
        asked = 0

        async def answer(_request: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked == 100:
                all_wait.set()
            return await asyncio.Event().wait()

        async with liar(running, answer):
            waiting = [asyncio.ensure_future(ask(running)) for _ in range(100)]
            await all_wait.wait()
            refused = await ask(running)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "node_unavailable")
            running.platform.nodes.detach(LIAR, "it was destroyed")
            answers = await asyncio.gather(*waiting)
            assert {(one.status_code, one.json()["error"]["code"]) for one in answers} == {(503, "node_unavailable")}
            assert "it was destroyed" in answers[0].json()["error"]["message"]

    inside(test)


def test_a_broken_connection_is_a_node_that_is_gone(inside: Inside) -> None:
    async def gone() -> Any:
        raise NodeGone("the line to it is cut")

    async def test(running: Any) -> None:
        async with liar(running, lambda _request: gone()):
            answer = await ask(running)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "node_unavailable")

    inside(test)


def test_error_texts_are_bounded(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with liar(running, written(Failed("supervisor_not_found", "<b>" * 100_000))):
            answer = await ask(running)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "supervisor_not_found")
            assert len(answer.json()["error"]["message"]) == 1000

    inside(test)


def test_a_list_without_a_valid_page_number_is_a_bad_answer(inside: Inside) -> None:
    async def test(running: Any) -> None:
        page = {"total": 1, "page": 1, "per_page": 1, "total_pages": 1}
        for meta in (None, {}, page | {"total": -1}, page | {"total": 2**63}, {"total": 1}):
            async with liar(running, executed(b"[]", meta=meta)):
                assert (await ask(running, "/api/v1/processes")).status_code == 502

    inside(test)


def test_additions_of_a_newer_version_are_accepted(inside: Inside) -> None:
    """Regression: an unknown type of anomaly, or a field beside the numbers of a page, made the answer invalid."""
    anomaly = {
        "number": 1, "type": "cosmic_ray", "severity": "high", "active": True, "pid": None, "name": None,
        "description": "a bit flipped", "since": "", "until": None, "lasted_s": 1.0, "count": 1, "evidence": {},
        "threshold": 1.0, "setting": "", "hint": "", "shielded": False,
    }  # fmt: skip
    summary = {
        "total": 1, "by_type": {"cosmic_ray": 1}, "unsupervised_processes": 0, "memory_growth_issues": 0,
        "growing_queues": 0, "risk_level": "high",
    }  # fmt: skip
    data = {"anomalies": [anomaly], "summary": summary, "checked_at": "", "processes_looked_at": 1, "moon": "full"}
    page = {"total": 0, "page": 1, "per_page": 1, "total_pages": 0, "since": 1, "mood": "good", "before": [1, 2]}

    async def test(running: Any) -> None:
        async with liar(running, executed(json.dumps(data).encode())):
            found = (await ask(running, "/api/v1/system/anomalies")).json()["data"]["anomalies"]
            assert [("cosmic_ray", "a bit flipped")] == [(one["type"], one["description"]) for one in found]
            assert "shielded" not in found[0]
            for lie in ("<script>", "x" * 61, 5):
                running.platform.nodes.find(LIAR).line.answer = executed(
                    json.dumps(data | {"anomalies": [anomaly | {"type": lie}]}).encode()
                )
                assert (await ask(running, "/api/v1/system/anomalies")).status_code == 502
        async with liar(running, executed(b"[]", meta=page)):
            meta = (await ask(running, "/api/v1/errors")).json()["meta"]
            assert (meta["total"], meta["since"], "mood" in meta) == (0, 1, False)

    inside(test)


def test_a_request_to_a_silent_node_fails_with_is_silent(inside: Inside) -> None:
    """Regression: *is gone: it has been busy for 15 s: its process 7 runs and does not answer*."""

    async def test(running: Any) -> None:
        asked = asyncio.Event()

        async def answer(_request: Any) -> Any:
            asked.set()
            return await asyncio.Event().wait()

        async with liar(running, answer):
            waiting = asyncio.ensure_future(ask(running))
            await asked.wait()
            running.platform.nodes.detach(LIAR, "its process 7 runs and does not answer", "is silent")
            message = (await waiting).json()["error"]["message"]
            assert message == f"the node {LIAR} is silent: its process 7 runs and does not answer"

    inside(test)


def test_a_dry_run_answers_a_dry_run(inside: Inside) -> None:
    async def test(running: Any) -> None:
        right = {"dry_run": True, "would": "x" * 5000, "affects": ["a"] * 5000}
        async with liar(running, executed(json.dumps(right).encode())):
            data = (await ask(running, "/api/v1/processes/c", "DELETE", dry_run=True)).json()["data"]
            assert (len(data["would"]), len(data["affects"])) == (1000, 1000)
        killed = {"pid": "0.1.0", "name": None, "reason": "kill", "terminated": True, "timestamp": "now"}
        async with liar(running, executed(json.dumps(killed).encode())):
            assert (await ask(running, "/api/v1/processes/c", "DELETE", dry_run=True)).status_code == 502

    inside(test)


@pytest.mark.parametrize(
    "file",
    [
        File(1, "text/html", "x.csv"),
        File(1, "text/csv", 'x.csv"\r\nset-cookie: a=b'),
        File(1, "text/csv", "../x.csv"),
    ],
    ids=["html", "a header", "a path"],
)
def test_a_file_has_a_declared_type_and_a_plain_name(inside: Inside, file: File) -> None:
    async def test(running: Any) -> None:
        async with liar(running, written(file)):
            answer = await ask(running, "/api/v1/system/export", format="csv")
            assert (answer.status_code, answer.json()["error"]["code"]) == (502, "bad_answer")
            assert "set-cookie" not in answer.headers

    inside(test)


def test_an_endless_file_is_cut_off_and_not_taken_as_complete(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superlearner.operations.engine.forwarding.MOST_FILE", 3_000_000)

    def answer(request: Any) -> bytes:
        return written(Part("x" * 1_000_000) if hasattr(request, "number") else File(1, "text/csv", "x.csv"))

    async def test(running: Any) -> None:
        async with liar(running, answer) as found:
            operation = running.platform.arsenal.get("system.export")
            asked = {"format": "csv", "what": "processes", "limit": 10}
            context = Context(running.platform.nodes, ADMIN, on=LIAR)
            file = (await execute(running.platform.services, operation, context, asked)).data
            got = 0
            with pytest.raises(BadAnswer):
                async for part in file.parts:
                    got += len(part)
            assert got == 3_000_000
            assert [one.number for one in found.line.sent] == [1]

    inside(test)


EVENT = {
    "id": "e-1", "type": "exited", "at": 0.0, "timestamp": "t", "node": None, "pid": None, "name": None,
    "supervisor": None, "text": "t", "seq": None, "cause": None, "data": {},
}  # fmt: skip


@pytest.mark.parametrize(
    "items",
    [
        [{**EVENT, "id": "e-1\n\nevent: forged"}],
        [{**EVENT, "type": "exited\ndata: forged"}],
        [{**EVENT, "seq": "<b>"}],
        [EVENT] * 1000,
    ],
    ids=["an id of two lines", "a type of two lines", "a wrong type", "more than asked for"],
)
def test_invalid_events_end_the_stream(inside: Inside, items: Any) -> None:
    part = json.dumps({"items": items, "last_id": "e-1", "ended": "timeout"}).encode()

    def answer(request: Any) -> bytes:
        return written(Items(part, closed=False) if hasattr(request, "most") else Stream(7, "e-0"))

    async def test(running: Any) -> None:
        async with liar(running, answer) as found:
            got = await running.client.get(
                "/api/v1/events", params={"node": LIAR}, headers={**OWNER, "accept": "text/event-stream"}
            )
            assert "forged" not in got.text
            assert "<b>" not in got.text
            assert [one.number for one in found.line.sent] == [7]

    inside(test)


def test_items_are_requested_at_our_pace_even_if_they_come_at_once(inside: Inside) -> None:
    """Regression: after an empty answer the platform asked again without a pause."""

    def answer(request: Any) -> bytes:
        if not hasattr(request, "most"):
            return written(Stream(7, "e-0"))
        found = [EVENT] if len(asked) % 2 else []
        asked.append(request)
        return written(Items(json.dumps({"items": found, "last_id": "e-1", "ended": "timeout"}).encode(), closed=False))

    asked: list[Any] = []

    async def test(running: Any) -> None:
        async with liar(running, answer):
            asks = {"node": LIAR, "timeout_ms": 1000}
            got = await running.client.get(
                "/api/v1/events", params=asks, headers={**OWNER, "accept": "application/json"}
            )
            assert 200 == got.status_code
            assert 2 <= len(asked) <= 21
            assert len(got.json()["data"]["items"]) == len(asked) // 2

    inside(test)


def test_a_file_of_empty_chunks_ends(inside: Inside) -> None:
    """Regression: its size never grew, so the download never ended."""
    asked = 0

    def answer(request: Any) -> bytes:
        nonlocal asked
        asked += 1
        part = msgspec.msgpack.encode({"type": "part", "text": ""})
        return part if hasattr(request, "number") else written(File(1, "text/csv", "x.csv"))

    async def test(running: Any) -> None:
        async with liar(running, answer) as found:
            operation = running.platform.arsenal.get("system.export")
            given = {"format": "csv", "what": "processes", "limit": 10}
            context = Context(running.platform.nodes, ADMIN, on=LIAR)
            file = (await execute(running.platform.services, operation, context, given)).data
            with pytest.raises(BadAnswer, match="text"):
                await anext(file.parts)
            assert 2 == asked
            assert [1] == [one.number for one in found.line.sent]

    inside(test)


def test_a_file_of_single_characters_ends(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superlearner.operations.engine.forwarding.MOST_PARTS", 100)

    def answer(request: Any) -> bytes:
        return written(Part("x") if hasattr(request, "number") else File(1, "text/csv", "x.csv"))

    async def test(running: Any) -> None:
        async with liar(running, answer):
            operation = running.platform.arsenal.get("system.export")
            given = {"format": "csv", "what": "processes", "limit": 10}
            context = Context(running.platform.nodes, ADMIN, on=LIAR)
            file = (await execute(running.platform.services, operation, context, given)).data
            with pytest.raises(BadAnswer, match="in 100 parts"):
                assert 100 == len([part async for part in file.parts])

    inside(test)


def test_error_texts_about_invalid_answers_are_one_line(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with liar(running, written(Failed("<odd>", "\x1b[2J\n2026 forged"))):
            message = (await ask(running)).json()["error"]["message"]
            assert message.isprintable()

    inside(test)


@pytest.mark.parametrize(
    "fact",
    [
        {"python": "x" * 4_000_000},
        {"life": "x" * 101},
        {"processes": -1},
        {"supervisors": 2**63},
        {"os_pid": 2**60},
    ],
    ids=["a long version", "a long life", "less than none", "too many", "a process that cannot be"],
)
def test_facts_have_bounds(inside: Inside, fact: dict[str, Any]) -> None:
    sent = {"life": "open", "processes": 1, "supervisors": 1, "python": "3", "os_pid": 1} | fact
    facts = msgspec.msgpack.encode({"type": "facts", "protocol": PROTOCOL, "node": LIAR, "fact": sent})

    async def test(running: Any) -> None:
        async with liar(running, facts):
            (line,) = [one for one in (await running.get("/api/v1/nodes"))["data"] if one["name"] == LIAR]
            assert line["status"] == "bad"
            assert len(json.dumps(line)) < 1000

    inside(test)


def compress_500_mb() -> bytes:
    """Return the frame of a liar; it takes a second, which collecting the tests would take in each process."""
    packing = zlib.compressobj(1)
    begun = packing.compress(b'{"k":"s","x":"')
    return begun + b"".join(packing.compress(b"x" * 1_000_000) for _ in range(500)) + packing.flush()


FRAMES: dict[str, Any] = {
    "html": b"<html>",
    "no object": b"[1]",
    "no UTF-8": b'{"k":"s","x":"\xff"}',
    "deep": b'{"k":"s","x":' + DEEP,
    "another kind": b'{"k":"reload"}',
    "another platform": b'{"k":"s","epoch":"other"}',
    "another node": b'{"k":"s","node":"superlearner@127.0.0.1"}',
    "no platform": b'{"k":"s","epoch":null}',
    "no version": b'{"k":"s","version":null}',
    "no node": b'{"k":"s","node":null}',
    "another node, said twice": b'{"k":"s","node":"liar@127.0.0.1","\\u006eode":"superlearner@127.0.0.1"}',
    "a number of 400 digits": b'{"k":"d","seq":' + b"9" * 400 + b"}",
    "another version": b'{"k":"s","version":"9"}',
    "compressed html": zlib.compress(b"<html>"),
    "half of what was compressed": zlib.compress(b'{"k":"s"}')[:-6],
    "compressed wrongly": b"x" + b"\xff" * 100,
    "500 MB, compressed": compress_500_mb,
}


@pytest.mark.parametrize("frame", FRAMES)
def test_an_invalid_frame_ends_the_page_of_that_node_alone(inside: Inside, frame: str) -> None:
    invalid = FRAMES[frame]() if callable(FRAMES[frame]) else FRAMES[frame]

    def answer(request: Any) -> bytes:
        return written(Frame(invalid, closed=False) if hasattr(request, "seconds") else Attached(1))

    async def test(running: Any) -> None:
        async with liar(running, answer) as found:
            source = await source_of(running.platform, "supervisors", found, {}, ADMIN)
            viewer = source.attach()
            async with asyncio.timeout(5):
                assert await viewer.next() is None
            assert [one.number for one in found.line.sent] == [1]
            source.detach(viewer)
            own = running.hub.attach()
            assert json.loads(await own.next())["k"] == "s"

    inside(test)


def flood() -> Callable[[Any], bytes]:
    """Return an answering function that always has another frame."""
    seq = 0

    def answer(request: Any) -> bytes:
        nonlocal seq
        seq += hasattr(request, "seconds")
        frame = json.dumps({"k": "s" if seq == 1 else "d", "seq": seq}).encode()
        return written(Frame(frame, closed=False) if hasattr(request, "seconds") else Attached(1))

    return answer


def test_frames_are_requested_at_our_pace(inside: Inside) -> None:
    """Frames are requested singly, so a million ready ones cost no more."""

    async def test(running: Any) -> None:
        async with liar(running, flood()) as found:
            source = await source_of(running.platform, "supervisors", found, {}, ADMIN)
            viewer = source.attach()
            begun, frames = time.monotonic(), 0
            async with asyncio.timeout(10):
                for _ in range(20):
                    assert await viewer.next()
                    frames += 1
            assert (frames - AT_ONCE) / (time.monotonic() - begun) < 40
            source.detach(viewer)
            assert len(running.platform.relays) == 0

    inside(test)


def test_a_few_frames_after_a_quiet_moment_are_not_delayed(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "PACE_S", 3600.0)

    async def test(running: Any) -> None:
        async with liar(running, flood()) as found:
            source = await source_of(running.platform, "supervisors", found, {}, ADMIN)
            viewer = source.attach()
            async with asyncio.timeout(30):
                numbers = [json.loads(await viewer.next())["seq"] for _ in range(AT_ONCE)]
            assert numbers == list(range(1, AT_ONCE + 1))
            source.detach(viewer)

    inside(test)


def test_hello_from_another_node_is_refused(inside: Inside) -> None:
    class Other(Liar):
        async def ask(self, request: bytes) -> object:
            return written(Facts(PROTOCOL, "other@127.0.0.1", FACT))

    async def test(running: Any) -> None:
        with pytest.raises(Exception, match="not the expected node"):
            await running.platform.nodes.attach_remote(LIAR, Other(None))
        assert running.platform.nodes.find(LIAR) is None

    inside(test)


def test_parameters_are_sent_as_json_and_scopes_are_those_on_that_node(inside: Inside) -> None:
    async def test(running: Any) -> None:
        async with liar(running, executed(json.dumps(RIGHT).encode())) as found:
            await running.client.get(COUNT, params={"node": LIAR})
            (request,) = found.line.asked
            assert (request.operation, json.loads(request.parameters)) == ("supervisor.count", {"name": "shop"})
            assert (request.user, request.scopes, request.door) == ("anonymous", ["read", "operate"], "rest")
            await running.client.get("/api/v1/errors", params={"node": LIAR, "page": 2})
            assert json.loads(found.line.asked[-1].parameters) == {"page": 2}  # an older service knows no `fold`

    inside(test)


def test_a_service_that_takes_no_name_of_its_node_is_attached_without_one(inside: Inside) -> None:
    class Older(Liar):
        """A service from before requests named its node."""

        async def ask(self, request: bytes) -> object:
            read = read_request(request)
            if isinstance(read, Hello) and read.called is not None:
                self.asked.append(read.called)
                return written(Failed("malformed_request", "Object contains unknown field `called`"))
            return await super().ask(request)

    async def test(running: Any) -> None:
        line = Older(written(Done()))
        found = await running.platform.nodes.attach_remote("alias", line, there=LIAR)
        assert (["alias"], "alias") == (line.asked, found.name)
        running.platform.nodes.detach("alias")

    inside(test)


def test_a_restart_is_shown_as_one_of_its_node_whatever_id_and_node_it_names(inside: Inside, tmp_path: Path) -> None:
    async def test(running: Any) -> None:
        service = running.platform
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        service.moments.on_moment = lambda row: done.done() or done.set_result(row)
        otp.exit(service.node.whereis("counter_1"), "kill")
        row = await done
        shown = (await running.client.get(f"/api/v1/restarts/{row.run}.{row.number}")).json()["data"]
        for ref in ("", "nonsense", f"{row.run}.{row.number + 1000}"):
            lie = shown | {"id": row.number + 1000, "ref": ref, "storm": 0, "node": service.node.name}
            async with liar(running, executed(json.dumps(lie).encode())):
                answer = (await ask(running, "/api/v1/restarts/1")).json()
            assert (answer["data"]["node"], answer["data"]["storm"]) == (LIAR, 0)

    inside(test, data_dir=tmp_path)
