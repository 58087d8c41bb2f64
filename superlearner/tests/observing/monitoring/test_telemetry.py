"""The table of telemetry is complete, and its events can be scraped and exported."""

from __future__ import annotations

import asyncio
import importlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import otp
from local_link import remote
from superlearner.control.listing import count_processes
from superlearner.observing.monitoring import otel
from superlearner.observing.monitoring.tally import NAMES, OTHERS, Tally
from telemetry_table import TableCheck, emitted, table

Inside = Callable[..., Any]


def test_every_emitted_event_is_in_the_table_with_its_fields() -> None:
    rows = table()
    for one in emitted():
        found = [row for row in rows.values() if re.fullmatch(one.pattern, row.event)]
        assert found, f"{one.place} emits an event that docs/telemetry.md does not list"
        for row in found:
            assert (one.measurements or frozenset()) <= row.measurements, one.place
            assert (one.metadata or frozenset()) <= row.metadata, one.place


def test_every_event_of_the_table_is_emitted_somewhere() -> None:
    patterns = [one.pattern for one in emitted()]
    assert [event for event in table() if not any(re.fullmatch(pattern, event) for pattern in patterns)] == []


def test_an_event_without_a_row_is_noticed() -> None:
    check = TableCheck()
    check("store.commit", {"rows": 1, "duration": 0.1}, {})
    assert check.problems == []
    check("store.explode", {}, {})
    check("store.commit", {"lines": 1}, {})
    assert len(check.problems) == 2


def test_names_from_programs_make_at_most_a_hundred_labels() -> None:
    tally = Tally()
    for number in range(1_000):
        about = {"supervisor": f"s{number}", "child": None, "reason": None}
        tally.on_event("supervisor.restarted", {}, about)
    assert len(tally.restarts) == NAMES + 1
    assert tally.restarts[OTHERS] == 1_000 - NAMES


def scraped(text: str) -> dict[str, Any]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_scrape_shows_what_happened_and_is_open_on_loopback(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        before = scraped((await platform.client.get("/metrics")).text)
        await platform.client.request("DELETE", "/api/v1/processes/counter_1", json={})
        await platform.node.wait_registered("counter_1")
        await platform.client.get("/api/v1/processes/nobody/info")
        await platform.platform.monitor.sample()
        answer = await platform.client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        now = scraped(answer.text)
        restarts = ("superlearner_restarts_total", ())
        assert now[restarts] == before[restarts] + 1
        assert now["superlearner_supervisor_restarts_total", (("supervisor", "demo_one_for_one"),)] == 1
        done = (("door", "rest"), ("operation", "process.kill"), ("outcome", "ok"))
        assert now["superlearner_operations_total", done] == 1
        missed = (("door", "rest"), ("operation", "process.info"), ("outcome", "process_not_found"))
        assert now["superlearner_operations_total", missed] == 1
        took = (("le", "+Inf"), ("operation", "process.kill"))
        assert now["superlearner_operation_duration_seconds_bucket", took] == 1
        assert now["superlearner_processes", ()] == count_processes(platform.node).yours
        assert now["process_cpu_seconds_total", ()] > 0
        names = {name for name, _ in now if name.startswith("superlearner_")}
        assert all(re.fullmatch(r"[a-z_]+", name) for name in names)
        other = await platform.client.get("/metrics", headers={"accept": "application/openmetrics-text"})
        assert other.text.endswith("# EOF\n")
        for version in ("new", "1.x", "", "9" * 5000):
            strange = {"accept": f"application/openmetrics-text; version={version}"}
            assert (await platform.client.get("/metrics", headers=strange)).status_code == 200

    inside(test)


def test_what_clients_claim_to_be_makes_no_new_series(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        for claim in ("cli", "", "robot 1", "robot 2", "x" * 100):
            await platform.client.get("/api/v1/nodes", headers={"x-door": claim})
        now = scraped((await platform.client.get("/metrics")).text)
        counts = {dict(labels)["door"]: value for (name, labels), value in now.items()
                  if name == "superlearner_operations_total" and ("operation", "node.list") in labels}  # fmt: skip
        assert counts == {"cli": 1, "rest": 1, "other": 3}

    inside(test)


def test_a_scrape_needs_a_credential_if_requests_do(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        refused = await platform.client.get("/metrics")
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
        token = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
        assert (await platform.client.get("/metrics", headers=token)).status_code == 200

    inside(test, auth="all")


class Collector(BaseHTTPRequestHandler):
    """HTTP server that accepts exports."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.put((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def collector() -> Iterator[ThreadingHTTPServer]:
    # In the platform's thread, this import races with `catch_warnings` here for the filters: a warning became a crash
    importlib.import_module("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    server.got = Queue()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_figures_and_operations_reach_a_collector_of_opentelemetry(
    inside: Inside, collector: ThreadingHTTPServer
) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    async def test(platform: Any) -> None:
        await otel_is_open(platform)
        await platform.client.request("DELETE", "/api/v1/processes/counter_1", json={})

    inside(test, otel_endpoint=f"http://127.0.0.1:{collector.server_address[1]}", otel_interval=600.0)
    spans: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    got: Queue[Any] = collector.got  # type: ignore[attr-defined]
    while not got.empty():  # the platform has ended and sent the rest
        path, body = got.get()
        if path == "/v1/traces":
            for of in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans |= {span.name: span for scope in of.scope_spans for span in scope.spans}
        else:
            assert path == "/v1/metrics"
            for of in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                metrics |= {metric.name: metric for scope in of.scope_metrics for metric in scope.metrics}
    kill = spans["process.kill"]
    assert {one.key: one.value.string_value for one in kill.attributes}["superlearner.outcome"] == "ok"
    assert kill.end_time_unix_nano > kill.start_time_unix_nano
    assert metrics["superlearner.restarts"].sum.data_points[0].as_int == 1
    assert metrics["superlearner.operation.duration"].histogram.data_points[0].count == 1


def test_the_figures_of_other_nodes_reach_a_collector_with_their_name(
    inside: Inside, collector: ThreadingHTTPServer
) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    async def test(platform: Any) -> None:
        async with otp.Node("till@127.0.0.1") as node, remote(platform.platform, node):
            to = f"http://127.0.0.1:{collector.server_address[1]}"
            figures, loop = platform.platform.figures(), asyncio.get_running_loop()
            export = await asyncio.to_thread(otel.Export, figures, to, 600.0, loop)
            node.spawn(otp.receive)
            await asyncio.to_thread(export.close)

    inside(test)
    found: dict[tuple[str, str], int] = {}
    got: Queue[Any] = collector.got  # type: ignore[attr-defined]
    while not got.empty():
        path, body = got.get()
        for of in ExportMetricsServiceRequest.FromString(body).resource_metrics if path == "/v1/metrics" else ():
            for metric in (metric for scope in of.scope_metrics for metric in scope.metrics):
                for point in metric.gauge.data_points:
                    names = {one.key: one.value.string_value for one in point.attributes}
                    found[metric.name, names.get("node", "")] = point.as_int
    assert 1 == found["superlearner.node_up", "till@127.0.0.1"]
    assert 1 == found["superlearner.processes", "till@127.0.0.1"]
    assert 1 < found["superlearner.processes", ""]


async def otel_is_open(platform: Any) -> None:
    """Return when the service has opened the export."""
    await platform.call(otel.OTEL, "sync")


def test_without_the_extra_the_terminal_shows_what_to_install_and_the_platform_runs(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(otel, "is_installed", lambda: False)

    async def test(platform: Any) -> None:
        assert (await platform.client.get("/health/ready")).status_code == 200
        assert platform.node.whereis(otel.OTEL) is None

    inside(test, otel_endpoint="http://127.0.0.1:9")
    assert (
        "try: pip install 'opentelemetry-exporter-otlp-proto-http>=1.30' 'opentelemetry-sdk>=1.30'"
        in capsys.readouterr().err
    )


def test_a_page_is_read_as_a_table() -> None:
    rows = table("| `a.b` | `x`, `y` | `z` | then |\n| no | row | at | all |\n")
    assert (rows["a.b"].measurements, rows["a.b"].metadata) == ({"x", "y"}, {"z"})
