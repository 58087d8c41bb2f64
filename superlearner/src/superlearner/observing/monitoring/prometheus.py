"""Metrics in the format of a Prometheus scrape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from superlearner.observing.monitoring.figures import Figure, Source, figures

__all__ = ["Exposition"]


class Exposition:
    """Responses to scrapes, in the requested format: Prometheus or OpenMetrics."""

    def __init__(self, source: Source) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Figures(source))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """Return the current metrics and their media type for an `Accept` header."""
        try:
            encode, media = choose_encoder(accept)
        except TypeError:  # the client library fails on versions that are not numeric
            encode, media = choose_encoder("")
        return encode(self._registry), media


class _Figures(Collector):
    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Any]:
        for figure in figures(self._source):
            yield _family(figure)


def _family(figure: Figure) -> Any:
    if figure.kind == "histogram":
        names = [name for name, _ in figure.values[0][0]] if figure.values else []
        family: Any = HistogramMetricFamily(figure.name, figure.words, labels=names)
        for labels, durations in figure.values:
            buckets = list(durations.cumulative())
            family.add_metric([_make_encodable(value) for _, value in labels], buckets, durations.total)
        return family
    # sample by sample: the values of other nodes have one more label
    family = Metric(figure.name.removesuffix("_total"), figure.words, figure.kind)
    for labels, value in figure.values:
        family.add_sample(figure.name, {name: _make_encodable(word) for name, word in labels}, value)
    return family


def _make_encodable(text: str) -> str:
    """Return a label that can be encoded; names in programs may contain lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
