"""What Prometheus is told.

Its names are an interface: alerts and dashboards stand on them.
"""

import logging
import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    multiprocess,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from docindex.indexer.library import Library

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0)
METHODS: Final = frozenset(
    "initialize ping server/discover tools/list tools/call prompts/list prompts/get "
    "resources/list resources/templates/list resources/read resources/subscribe "
    "resources/unsubscribe subscriptions/listen completion/complete".split()
)


SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which several processes count."""


def forget(process: int) -> None:
    """What a process that is gone was doing; what it has done stays counted."""
    multiprocess.mark_process_dead(process)  # type: ignore[no-untyped-call]


class Metrics:
    def __init__(self, library: Library, *, shared: bool = False) -> None:
        """`shared` are those of several processes, which the variable `SHARED` tells of."""
        self._registry = CollectorRegistry()
        self.running = Gauge(
            "docindex_calls_running",
            "Calls under way",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self.refused = Counter(
            "docindex_requests_refused",
            "Requests that became no message, by HTTP status",
            ["status"],
            registry=self._registry,
        )
        labels = ["method", "tool"]
        self._calls = Counter(
            "docindex_calls",
            "Calls, by how they ended: ok, or the code of an error",
            [*labels, "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "docindex_call_seconds",
            "How long calls took",
            labels,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._told = self._registry
        if shared:
            self._told = CollectorRegistry()
            multiprocess.MultiProcessCollector(self._told)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=self._told)
            PlatformCollector(registry=self._told)
        self._told.register(_OfLibrary(library))

    def call(self, method: str, tool: str, outcome: str, seconds: float) -> None:
        # What a client makes up must not become a series of its own.
        known = method if method in METHODS else "unknown"
        self._calls.labels(known, tool, outcome).inc()
        self._seconds.labels(known, tool).observe(seconds)

    def text(self) -> bytes:
        """In the format that Prometheus reads. Blocks."""
        return generate_latest(self._told)


class _OfLibrary(Collector):
    """Asked when somebody looks, so that it costs nothing otherwise."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            status = self._library.status()
        except Exception:
            logger.exception("the metrics say nothing of the index")
            return
        documents = _gauge("documents", "Documents in the index")
        sections = _gauge("sections", "Sections in the index")
        pending = _gauge("pending_files", "Files that wait to be indexed")
        skipped = _gauge("skipped_files", "Files that were not indexed")
        lag = _gauge("index_lag_seconds", "Since folder and index were last seen to agree")
        ready = _gauge("index_state", "1 for the state that the index is in", "state")
        watcher = _gauge("watcher_state", "1 for the state that the watcher is in", "state")
        for folder in status.folders:
            documents.add_metric([folder.label], folder.index.documents)
            sections.add_metric([folder.label], folder.sections)
            pending.add_metric([folder.label], folder.index.pending)
            skipped.add_metric([folder.label], len(folder.skipped))
            if folder.index.as_of is not None:
                lag.add_metric([folder.label], max(0.0, time.time() - folder.index.as_of))
            ready.add_metric([folder.label, folder.index.state], 1)
            watcher.add_metric([folder.label, folder.indexer], 1)
        yield from (documents, sections, pending, skipped, lag, ready, watcher)


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"docindex_{name}", documentation, labels=["folder", *labels])
