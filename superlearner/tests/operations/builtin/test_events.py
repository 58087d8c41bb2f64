"""Events over HTTP: live, resumed from an id, and ended with the client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import otp

Inside = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


class Streamed:
    """A request for the stream at the real application, and its results."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.flows = asyncio.Event()
        self.flows.set()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.place = ""
        self._rest = b""
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        await self.flows.wait()
        self.pieces.put_nowait(message["body"] or None if not message["more_body"] else message["body"])

    async def block(self) -> dict[str, str] | None:
        """Return the next block with an event; None at the end."""
        while True:
            while b"\n\n" not in self._rest:
                piece = await self.pieces.get()
                if piece is None:
                    return None
                self._rest += piece
            raw, _, self._rest = self._rest.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in raw.decode().split("\n"))
            self.place = fields.get("id", self.place)
            if "data" in fields:
                return fields

    async def event(self) -> Any:
        block = await self.block()
        assert block is not None
        data = json.loads(block["data"])
        assert (data["id"], data["type"]) == (block["id"], block["event"])
        return data


@asynccontextmanager
async def streaming(
    platform: Any, query: str = "", end: asyncio.Event | None = None, **headers: str
) -> AsyncIterator[Streamed]:
    streamed = Streamed()
    before = set(platform.platform.events.readers)
    sent = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/v1/events", "raw_path": b"/api/v1/events", "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "superlearner.end": end or asyncio.Event(),
    }  # fmt: skip
    task = asyncio.ensure_future(platform.running.web.app(scope, streamed.receive, streamed.send))
    task.add_done_callback(lambda _: streamed.ended.set_result(None))
    try:
        first = await streamed.pieces.get()  # the start position
        assert first is not None and first.startswith(b"retry: 1000\nid: ")
        streamed.place = first.split(b"id: ")[1].strip().decode()
        yield streamed
    finally:
        streamed.gone.set()
        streamed.flows.set()
        await task
        assert platform.platform.events.readers <= before


async def kill(platform: Any, name: str) -> None:
    before = platform.node.whereis(name)
    await platform.client.request("DELETE", f"/api/v1/processes/{name}", json={})
    assert await platform.node.wait_registered(name) is not before


@pytest.mark.operation("events.stream")
def test_a_single_answer_holds_the_events_of_a_period(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def ask(query: str) -> Any:
            answer = await platform.client.get(f"/api/v1/events?{query}", headers={"accept": "application/json"})
            return answer.json()["data"]

        await kill(platform, "counter_1")
        found = await ask("types=exited,child_restarted&pid=counter_1&last=10&limit=2")
        assert [one["type"] for one in found["items"]] == ["exited", "child_restarted"]
        assert found["items"][1]["cause"] == found["items"][0]["seq"]
        assert found["ended"] == "limit"
        assert {one["critical"] for one in found["items"]} == {False}
        await platform.client.request(
            "DELETE", "/api/v1/processes/demo_one_for_one", json={}
        )  # the playground restarts it
        restarted = await ask("types=child_restarted&pid=demo_one_for_one&last=1&limit=1")
        assert [(one["supervisor"], one["critical"]) for one in restarted["items"]] == [("playground", False)]
        before = platform.node.whereis("caretaker")
        otp.exit(before, "kill")
        assert await platform.node.wait_registered("caretaker") is not before
        restarted = await ask("types=exited,child_restarted&pid=caretaker&last=2&limit=2")
        assert [one["critical"] for one in restarted["items"]] == [True, True]
        none = await ask(f"types=crashed&last_id={found['last_id']}&timeout_ms=1")
        assert (none["items"], none["ended"]) == ([], "timeout")
        unknown = await platform.client.get("/api/v1/events?types=exited,nonsense")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (422, "validation_error")
        assert "there is no type 'nonsense'" in unknown.json()["error"]["message"]

    inside(test)


def test_events_of_children_have_what_is_unknown_after_their_ends(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async def ask(kind: str, limit: int = 100, timeout_ms: int = 1) -> Any:
            query = f"types={kind}&supervisor=shop&last=100&limit={limit}&timeout_ms={timeout_ms}"
            answer = await platform.client.get(f"/api/v1/events?{query}", headers={"accept": "application/json"})
            return {one["name"]: one["data"] for one in answer.json()["data"]["items"]}

        started = await ask("child_started")
        assert (started["checkout_sup"]["what"], started["checkout_sup"]["child_strategy"]) == (
            "CheckoutSup", "rest_for_one",
        )  # fmt: skip
        assert (started["customers"]["what"], started["customers"]["child_strategy"]) == ("Customers", None)
        await kill(platform, "checkout_sup")
        await platform.node.wait_registered("checkout_sup")  # on a loaded machine after the answer
        again = (await ask("child_restarted"))["checkout_sup"]
        assert (again["what"], again["child_strategy"], again["strategy"]) == (
            "CheckoutSup", "rest_for_one", "one_for_one",
        )  # fmt: skip
        body = {"strategy": "one_for_all"}
        done = await platform.client.put("/api/v1/supervisors/shop/strategy", json=body, headers=OWNER)
        assert done.status_code == 200, done.text
        changed = (await ask("strategy_changed", limit=1, timeout_ms=10_000))["shop"]
        assert (changed["strategy_before"], changed["strategy"]) == ("one_for_one", "one_for_all")

    inside(test)


@pytest.mark.operation("events.stream")
def test_the_stream_reports_a_kill_from_the_exit_to_the_restart(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async with streaming(platform, "supervisor=demo_one_for_one") as stream:
            assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert "content-length" not in stream.headers
            await kill(platform, "counter_1")
            ended, _, restarted = [await stream.event() for _ in range(3)]
            assert (ended["type"], ended["name"], ended["data"]["reason"]) == (
                "child_terminated",
                "counter_1",
                "killed",
            )
            assert (restarted["type"], restarted["data"]["old"]) == ("child_restarted", ended["pid"])
            assert restarted["text"] == (
                f"counter_1 <{ended['pid']}> was killed; demo_one_for_one (one_for_one) restarted counter_1 "
                f"<{restarted['pid']}>; 2 of 3 restarts left in 5 s"
            )

    inside(test)


def test_a_returning_client_resumes_without_gap_or_duplicate(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async with streaming(platform) as whole:
            async with streaming(platform) as first:
                await kill(platform, "counter_1")
                last = (await first.event())["id"]
            await kill(platform, "counter_2")
            async with streaming(platform, "types=exited", last_event_id=last) as filtered:
                assert (await filtered.event())["name"] == "counter_2"
            async with streaming(platform, last_event_id=last) as second:
                missed = [await second.event() for _ in range(8)]
            everything = [await whole.event() for _ in range(9)]
            assert [one["id"] for one in everything] == [last, *[one["id"] for one in missed]]

    inside(test)


def test_missing_events_are_reported(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        events = platform.platform.events
        events.resize(100)
        for number in range(300):
            events.emit("rests", str(number), {})
        async with streaming(platform, last_event_id=f"{events.epoch}-1") as stream:
            gap = await stream.event()
            assert gap["type"] == "gap"
            assert (gap["data"]["reason"], gap["data"]["lost"]) == ("ring", events.number - 101)
            assert (await stream.event())["text"] == "200"
        async with streaming(platform, last_event_id="abc123-5", types="gave_up") as stream:
            assert (await stream.event())["data"] == {"lost": None, "reason": "restarted"}

    inside(test)


def test_a_client_that_does_not_read_needs_no_memory_and_gets_a_gap(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        events = platform.platform.events
        events.resize(100)
        async with streaming(platform, "types=rests,gap") as stream:
            stream.flows.clear()  # the client's buffers are full
            for number in range(10):
                events.emit("rests", str(number), {})
            await asyncio.sleep(0)
            for number in range(10, 1000):
                events.emit("rests", str(number), {})
            stream.flows.set()
            seen = [await stream.event()]
            while seen[-1]["text"] != "999":
                seen.append(await stream.event())
            lost = sum(one["data"]["lost"] for one in seen if one["type"] == "gap")
            assert lost + sum(one["type"] == "rests" for one in seen) == 1000
            assert lost > 0

    inside(test)


def test_the_end_of_a_web_server_ends_its_streams_at_once(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        end = asyncio.Event()
        async with streaming(platform, end=end) as open_one, streaming(platform, end=end) as stuck:
            stuck.flows.clear()
            platform.platform.events.emit("rests", "", {})
            end.set()
            assert (await open_one.event())["type"] == "rests"
            assert await open_one.block() is None
            await stuck.ended  # although the client reads nothing

    inside(test)


def test_an_abandoned_stream_is_removed(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for _ in range(3):
            async with streaming(platform, "types=gave_up"):
                assert len(platform.platform.events.readers) <= 1

    inside(test)


def test_settings_operations_and_give_ups_are_events(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async with streaming(platform, "types=setting_changed,operation_done,rests,gave_up") as stream:
            await platform.client.put("/api/v1/settings/kill_wait", json={"value": 1}, headers=OWNER)
            changed, done = await stream.event(), await stream.event()
            assert (changed["data"]["setting"], changed["data"]["after"]) == ("kill_wait", 1.0)
            assert (done["data"]["operation"], done["data"]["user"]) == ("settings.set", "owner")
            assert "parameters" not in done["data"]
            await platform.client.delete("/api/v1/processes/web")
            assert (await stream.event())["data"]["outcome"] == "critical_process_protection"
            for _ in range(3):
                await kill(platform, "printer_1")
            await platform.client.delete("/api/v1/processes/printer_1")
            kinds = [(await stream.event())["type"] for _ in range(6)]
            assert sorted(kinds) == ["gave_up", "operation_done", "operation_done", "operation_done",
                                     "operation_done", "rests"]  # fmt: skip

    inside(test, playground_restart_after=60)


def test_an_anomaly_is_an_event_when_it_begins_and_when_it_ends(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        async with streaming(platform, "types=anomaly_raised,anomaly_ended&pid=till") as stream:
            for event in ("anomaly.raised", "anomaly.ended"):
                who = {"type": "mailbox_growth", "severity": "high", "pid": "0.7.0", "name": "till"}
                who["description"] = "the mailbox of till grows"
                platform.platform.telemetry.execute(event, {"lasted": 1.5}, who)
            raised, ended = await stream.event(), await stream.event()
            assert raised["text"] == "mailbox growth (high): the mailbox of till grows"
            assert (raised["node"], ended["node"]) == (None, None)
            assert ended["data"] == {"anomaly": "mailbox_growth", "severity": "high", "lasted": 1.5}

    inside(test)


def test_the_stream_needs_a_credential_if_requests_do(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        answer = await platform.client.get("/api/v1/events", headers={"accept": "text/event-stream"})
        assert answer.status_code == 401

    inside(test, auth="all")
