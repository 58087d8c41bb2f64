"""`/metrics` has the figures of attached services, and none of them can stall or break a scrape."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tools.files import ROOT

import otp
from local_link import remote
from observed_service import service
from superlearner.control.listing import count_processes
from superlearner.nodes.remote import protocol as p
from superlearner.observing.monitoring.node_readings import NodeReading, SupervisorNames
from superlearner.observing.monitoring.tally import NAMES, OTHERS
from superlearner.web import node_figures

pytestmark = pytest.mark.usefixtures("own_sockets")

Run = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
SHOP = "shop@127.0.0.1"
BASIC = {
    "processes", "supervisors", "registered_names", "timers", "spawned_total", "restarts_total", "give_ups_total",
    "run_queue_processes", "messages_handled_total", "activations_total", "busy_seconds_total", "mailbox_messages",
    "mailbox_deepest_messages",
}  # fmt: skip
SAMPLED = {"gc_pause_seconds_total", "loop_lag_seconds", "longest_callback_seconds"}


async def scrape(platform: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the values of a scrape by name, without the common prefix, and labels; it must be valid."""
    answer = await platform.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            key = sample.name.removeprefix("superlearner_"), frozenset(sample.labels.items())
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def of(node: str, values: Any) -> dict[str, float]:
    """Return the values that have the name of a node as their only label."""
    return {name: value for (name, labels), value in values.items() if labels == {("node", node)}}


async def attach(platform: Any, address: str, **more: Any) -> None:
    answer = await platform.client.post("/api/v1/nodes/attached", json={"address": address, **more}, headers=OWNER)
    assert answer.status_code == 200, answer.text


@pytest.mark.program
def test_a_scrape_has_the_figures_of_each_attached_service(inside: Run, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        async with (
            service(tmp_path) as shop,
            service(tmp_path, bare=True, named=("bar@127.0.0.1", "bar", "keg")) as bar,
        ):
            await attach(platform, shop.address)
            await attach(platform, bar.address)  # only otp: no pages, no operations
            before = await scrape(platform)
            assert BASIC | SAMPLED | {"node_up"} == set(of(SHOP, before))
            assert BASIC | {"node_up"} == set(of("bar@127.0.0.1", before))
            for node in (SHOP, "bar@127.0.0.1"):
                assert (1, 2, 1) == tuple(of(node, before)[name] for name in ("node_up", "processes", "supervisors"))
            assert before["processes", frozenset()] == count_processes(platform.node).yours
            await platform.client.request("DELETE", "/api/v1/processes/till", params={"node": SHOP}, headers=OWNER)
            shop.process.send_signal(signal.SIGSTOP)  # a held loop, and more
            bar.process.kill()
            await bar.process.wait()
            held = await scrape(platform)
            assert {"node_up": 0} == of(SHOP, held)
            assert {"node_up": 0} == of("bar@127.0.0.1", held)
            assert held["processes", frozenset()] > 0
            shop.process.send_signal(signal.SIGCONT)
            await asyncio.wait(platform.platform.node_figures._asking.values())
            assert 1 == of(SHOP, await scrape(platform))["node_up"]

    inside(test)


def test_restarts_and_anomalies_of_a_node_have_its_name(inside: Run) -> None:
    class Shop(otp.Supervisor):
        def init(self, arg: object) -> otp.Children:
            return otp.Children([otp.Agent.child_spec(int, id="till", name="till")])

    async def test(platform: Any) -> None:
        async with otp.Node('café "one"\n@127.0.0.1') as node, remote(platform.platform, node) as found:
            shop = await node.start(Shop, None, name='the "shop"')
            for _ in range(3):
                await node.wait_registered("till")
                killed = await platform.client.request("DELETE", "/api/v1/processes/till", params={"node": node.name})
                assert killed.status_code == 200, killed.text
            await node.wait_registered("till")
            values = await scrape(platform)
            name = 'café "one"\n@127.0.0.1'
            assert (1, 3) == tuple(of(name, values)[figure] for figure in ("node_up", "restarts_total"))
            about = frozenset({("node", name), ("supervisor", 'the "shop"')})
            assert 3 == values["supervisor_restarts_total", about]
            assert 1 == values["anomalies", frozenset({("node", name), ("type", "crash_loop")})]
            assert (found.name, otp.is_alive(shop)) == (node.name, True)
            platform.platform.tally.restarts["caf\udce9"] = 1  # a name that cannot be sent as it is
            assert 1 == (await scrape(platform))["supervisor_restarts_total", frozenset({("supervisor", "caf\\udce9")})]

    inside(test)


@pytest.mark.parametrize(
    "answer",
    [
        p.written(p.Failed("operation_not_found", "there is no operation 'system.metrics' here")),
        p.written(p.Executed(b'{"now": {"processes": "<b>"}}')),
        b"\x91" * 1_000_000,
        p.written(p.Done()),
    ],
    ids=["an older version", "another version", "noise", "another answer"],
)
def test_a_node_that_answers_otherwise_is_down_and_the_rest_is_there(inside: Run, answer: bytes) -> None:
    class Other:
        async def ask(self, request: bytes) -> object:
            fact = p.Fact("open", 1, 1, "3", 1)
            hello = isinstance(p.read_request(request), p.Hello)
            return p.written(p.Facts(p.PROTOCOL, "other@127.0.0.1", fact)) if hello else answer

        def cast(self, request: bytes) -> None:
            pass

    async def test(platform: Any) -> None:
        await platform.platform.nodes.attach_remote("other@127.0.0.1", Other())
        values = await scrape(platform)
        assert {"node_up": 0} == of("other@127.0.0.1", values)
        assert values["processes", frozenset()] > 0
        platform.platform.nodes.detach("other@127.0.0.1")
        assert {} == of("other@127.0.0.1", await scrape(platform))

    inside(test)


def test_a_silent_node_delays_one_scrape_only_and_gets_one_request(
    inside: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_figures, "ANSWER_S", 0.05)
    asked: list[str] = []

    class Silent:
        async def ask(self, request: bytes) -> object:
            read = p.read_request(request)
            if isinstance(read, p.Hello):
                return p.written(p.Facts(p.PROTOCOL, "silent@127.0.0.1", p.Fact("open", 1, 1, "3", 1)))
            if isinstance(read, p.Execute) and read.user == "metrics":
                asked.append(read.operation)
            await asyncio.Event().wait()
            return b""

        def cast(self, request: bytes) -> None:
            pass

    async def test(platform: Any) -> None:
        await platform.platform.nodes.attach_remote("silent@127.0.0.1", Silent())
        for _ in range(3):
            assert {"node_up": 0} == of("silent@127.0.0.1", await scrape(platform))
        assert ["analytics.supervisors", "system.anomalies", "system.metrics"] == sorted(asked)

    inside(test)


def test_names_and_nodes_make_a_bounded_number_of_series(inside: Run) -> None:
    names = SupervisorNames()
    first = names.add_up((f"s{number}", 1) for number in range(1_000))
    assert (NAMES + 1, 1_000 - NAMES) == (len(first), first[OTHERS])
    assert first.keys() == names.add_up((f"s{number}", 1) for number in range(1_000)).keys()

    async def test(platform: Any) -> None:
        figures = platform.platform.node_figures
        ask = figures._ask

        async def invents(one: Any, operation: str, **parameters: Any) -> Any:
            found = await ask(one, operation, **parameters)
            if operation == "system.anomalies":
                found["summary"]["by_type"] = {"crash_loop": 2, **{f"type {number}": 1 for number in range(1_000)}}
            return found

        async def has_none(one: Any, operation: str, **parameters: Any) -> Any:
            found = await ask(one, operation, **parameters)
            return found | {"summary": None} if operation == "system.anomalies" else found

        figures._ask = invents
        async with otp.Node("other@127.0.0.1") as node, remote(platform.platform, node):
            [reading] = [one for one in await figures.read() if one.node == "other@127.0.0.1"]
            assert {"crash_loop": 2} == reading.anomalies
            figures._ask = has_none
            [reading] = [one for one in await figures.read() if one.node == "other@127.0.0.1"]
            assert reading.numbers is not None and {} == reading.anomalies
        figures._names = lambda: iter(f"n{number}" for number in range(1_000))
        assert node_figures.MOST_NODES == len(await figures.read())

    inside(test)


def test_the_page_lists_the_metrics_of_nodes() -> None:
    page = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `superlearner_")]
    marked = {name for row in rows if "`node`" in row for name in BASIC | SAMPLED if f"_{name}`" in row}
    assert BASIC | SAMPLED == marked
    assert NodeReading("shop").numbers is None
