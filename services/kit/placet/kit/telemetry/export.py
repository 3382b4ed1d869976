"""Spans and counters as log lines: what there is until an operator configures a collector.

Owns: one OpenTelemetry exporter for each, and the provider of a process's metrics. Both run in threads of their own.
Never: sends anything over the network.
"""

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from placet.kit.telemetry.metrics import Metrics

_spans = logging.getLogger("placet.spans")
_metrics = logging.getLogger("placet.metrics")


class SpanLog(SpanExporter):
    """Writes each finished span as a line."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the spans."""
        for done in spans:
            _spans.info("span %s", done.name, extra=_of_span(done))
        return SpanExportResult.SUCCESS


class MetricLog(MetricExporter):
    """Writes all numbers as one line."""

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Write the numbers that are not zero."""
        numbers = _of_metrics(metrics_data)
        if numbers:
            _metrics.info("metrics", extra={"metrics": numbers})
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is kept back."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Nothing is open."""


def export_metrics(metrics: Metrics, *, every: float) -> MeterProvider:
    """Write the metrics to the log every so many seconds, and once more when the provider is shut down."""
    made = MeterProvider([PeriodicExportingMetricReader(MetricLog(), export_interval_millis=every * 1e3)])
    metrics.observe(made.get_meter("placet"))
    return made


def _of_span(done: ReadableSpan) -> dict[str, object]:
    own = done.get_span_context()
    return {
        "trace_id": f"{own.trace_id:032x}" if own else "",
        "span_id": f"{own.span_id:016x}" if own else "",
        "parent_id": f"{done.parent.span_id:016x}" if done.parent else "",
        "took_us": ((done.end_time or 0) - (done.start_time or 0)) // 1_000,
    }


def _of_metrics(data: MetricsData) -> dict[str, float]:
    """Return the numbers by `name{label='value'}`."""
    numbers: dict[str, float] = {}
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    value = getattr(point, "value", 0)
                    if value:
                        labels = ",".join(f"{key}={label!r}" for key, label in sorted((point.attributes or {}).items()))
                        numbers[f"{metric.name}{{{labels}}}"] = value
    return numbers
