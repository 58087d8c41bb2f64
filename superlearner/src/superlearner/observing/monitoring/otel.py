"""OpenTelemetry export over OTLP: metrics, and a span per operation.

An extra, off by default: `superlearner.base.extras.install("otel")` and the `otel_endpoint` setting. The SDK sends in
its own threads; an unreachable collector only causes log lines.
"""

# The SDK is an extra, and is imported when it is needed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Final

import otp
from otp import Continue, GenServer, NoReply, Ok, impl
from superlearner.base.extras import install
from superlearner.base.telemetry import Telemetry
from superlearner.observing.monitoring.figures import Figure, Source, figures
from superlearner.settings.settings import Settings

__all__ = ["MISSING", "OTEL", "Export", "OtelService", "is_installed"]

OTEL: Final = "otel"
MISSING: Final = (
    f"otel_endpoint is set, but OpenTelemetry is not installed: nothing is exported; try: {install('otel')}"
)
PATIENCE_MS: Final = 2_000
FRESH_S: Final = 2.0
"""Seconds for which the readings of other nodes serve all metrics of an export."""


def is_installed() -> bool:
    """Return whether the extra is installed."""
    try:
        return find_spec("opentelemetry.sdk") is not None and find_spec("opentelemetry.exporter.otlp") is not None
    except ModuleNotFoundError:
        return False


class Export:
    """A connection to a collector.

    Args:
        source: source of the metrics.
        endpoint: URL of the collector, without `/v1/…`.
        interval: seconds between two exports of metrics.
        loop: the loop of the platform.
    """

    def __init__(self, source: Source, endpoint: str, interval: float, loop: asyncio.AbstractEventLoop) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        base = endpoint.rstrip("/")
        resource = Resource.create({"service.name": "superlearner", "service.version": source.version})
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(f"{base}/v1/metrics", timeout=PATIENCE_MS / 1000),
            export_interval_millis=interval * 1000,
            export_timeout_millis=PATIENCE_MS,
        )
        self._meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracers.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces", timeout=PATIENCE_MS / 1000))
        )
        self._tracer = self._tracers.get_tracer("superlearner")
        meter = self._meters.get_meter("superlearner")
        self._durations = meter.create_histogram("superlearner.operation.duration", "s", "Duration of operations.")
        refresh = Refresh(source, loop)
        for figure in figures(source):
            if figure.kind == "histogram":
                continue
            make = meter.create_observable_gauge if figure.kind == "gauge" else meter.create_observable_counter
            make(_dotted(figure.name), [_observer(source, figure.name, refresh)], figure.unit, figure.words)

    def on_event(self, event: str, measurements: Mapping[str, float], metadata: Mapping[str, Any]) -> None:
        """Handle a telemetry event: each operation becomes a span."""
        if event != "operation.stop":
            return
        now = time.time_ns()
        labels = {name: str(metadata[name]) for name in ("operation", "door", "outcome")}
        begun = now - round(measurements["duration"] * 1e9)
        span = self._tracer.start_span(
            labels["operation"], attributes={f"superlearner.{name}": value for name, value in labels.items()},
            start_time=begun,
        )  # fmt: skip
        if labels["outcome"] not in ("ok", "dry_run"):
            from opentelemetry.trace import StatusCode

            span.set_status(StatusCode.ERROR, labels["outcome"])
        span.end(now)
        self._durations.record(measurements["duration"], labels)

    def close(self) -> None:
        """Send what is left, for at most two seconds each, and stop. Blocks."""
        self._tracers.force_flush(PATIENCE_MS)
        self._tracers.shutdown()
        self._meters.shutdown(PATIENCE_MS)


def _dotted(name: str) -> str:
    """Return the OpenTelemetry form of a name, without unit and kind."""
    plain = name.removesuffix("_total").removesuffix("_seconds")
    return plain.replace("superlearner_", "superlearner.", 1)


class Refresh:
    """A reader of the nodes in other programs, once for all metrics of an export; called in the SDK's threads."""

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop) -> None:
        self._source = source
        self._loop = loop
        self._at = float("-inf")

    def __call__(self) -> None:
        """Read them, unless that was done a moment ago."""
        now = time.monotonic()
        if self._source.read_others is None or now < self._at + FRESH_S:
            return
        self._at = now
        reading = asyncio.run_coroutine_threadsafe(_await(self._source.read_others), self._loop)
        with suppress(TimeoutError, CancelledError):
            reading.result(PATIENCE_MS / 1000)


async def _await(read: Callable[[], Awaitable[object]]) -> None:
    await read()


def _observer(source: Source, name: str, refresh: Callable[[], None]) -> Callable[[Any], Iterable[Any]]:
    def observe(options: Any) -> Iterable[Any]:
        from opentelemetry.metrics import Observation

        del options
        refresh()
        found: list[Figure] = [figure for figure in figures(source) if figure.name == name]
        return [Observation(value, dict(labels)) for figure in found for labels, value in figure.values]

    return observe


class OtelService(GenServer[Any]):
    """Process that owns the export, opened and closed in a thread as it is slow."""

    @impl
    def init(self, arg: tuple[Source, Telemetry, Callable[[], Settings]]) -> Ok[Any]:
        otp.process_flag("trap_exit", True)
        return Ok((*arg, None), then=Continue("open"))

    @impl
    async def handle_continue(self, term: Any, state: Any) -> NoReply[Any]:
        source, telemetry, settings, _ = state
        now: Settings = settings()
        export = await asyncio.to_thread(
            Export, source, now.otel_endpoint or "", now.otel_interval, asyncio.get_running_loop()
        )
        detach = telemetry.attach(export.on_event)
        return NoReply((source, telemetry, settings, (export, detach)))

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: Any) -> otp.Reply[Any]:
        return otp.Reply("ok", state)

    @impl
    async def terminate(self, reason: Any, state: Any) -> None:
        if state[3] is not None:
            export, detach = state[3]
            detach()
            await asyncio.to_thread(export.close)
