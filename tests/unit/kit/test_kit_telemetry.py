"""Counters export what was counted; spans exist only for chosen calls; log lines are JSON."""

import io
import json
import logging

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from placet.kit.telemetry.export import SpanLog, export_metrics
from placet.kit.telemetry.logs import JsonFormatter
from placet.kit.telemetry.metrics import Metrics
from placet.kit.telemetry.tracing import Tracing, provider, span

SAMPLED = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)
NOT_SAMPLED = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),)


def test_counts_reach_opentelemetry() -> None:
    metrics = Metrics()
    calls = metrics.counter("placet.rpc.calls", "calls")
    ok = calls.bind(method="A", code="OK")
    for _ in range(3):
        ok.value += 1
    calls.add(2, method="B", code="OK")
    metrics.gauge("placet.queue", lambda: 7, "waiting")
    reader = InMemoryMetricReader()
    metrics.observe(MeterProvider([reader]).get_meter("placet"))
    ok.value += 1
    exported = {
        (metric.name, point.attributes.get("method")): point.value
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert exported == {
        ("placet.rpc.calls", "A"): 4,
        ("placet.rpc.calls", "B"): 2,
        ("placet.queue", None): 7,
    }
    assert metrics.snapshot()["placet.queue"] == {(): 7}


def test_what_is_registered_later_is_exported_too() -> None:
    metrics, reader = Metrics(), InMemoryMetricReader()
    metrics.observe(MeterProvider([reader]).get_meter("placet"))
    metrics.counter("placet.late", "late").add(1)
    metrics.gauge("placet.depth", lambda: 2, "late too")
    names = {m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert names == {"placet.late", "placet.depth"}


def test_metrics_without_a_collector_are_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.counter("placet.rpc.calls", "calls").add(3, method="A", code="OK")
    metrics.counter("placet.rpc.calls", "calls").bind(method="B", code="OK")
    exported = export_metrics(metrics, every=3_600)
    with caplog.at_level(logging.INFO, "placet.metrics"):
        exported.shutdown()
    [record] = [record for record in caplog.records if record.name == "placet.metrics"]
    line = json.loads(JsonFormatter("audit").format(record))
    assert line["metrics"] == {"placet.rpc.calls{code='OK',method='A'}": 3}


def test_a_name_is_one_counter() -> None:
    metrics = Metrics()
    assert metrics.counter("a", "x") is metrics.counter("a", "y")
    assert metrics.counter("a", "x").bind(k="1") is metrics.counter("a", "x").bind(k="1")


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def tracing(spans: InMemorySpanExporter, ratio: float, dice: float = 0.5) -> tuple[Tracing, object]:
    made = provider(spans)
    return Tracing(made.get_tracer("placet"), ratio=ratio, dice=lambda: dice), made


@pytest.mark.parametrize(
    ("ratio", "dice", "metadata", "count"),
    [
        (0.0, 0.0, SAMPLED, 0),
        (0.1, 0.09, (), 2),
        (0.1, 0.1, (), 0),
        (0.1, 0.5, SAMPLED, 2),
        (0.1, 0.5, NOT_SAMPLED, 0),
        (0.1, 0.05, NOT_SAMPLED, 2),
        (0.1, 0.5, (("traceparent", "00-zz-01"),), 0),
        (0.1, 0.5, (("traceparent", f"00-{'0' * 32}-b7ad6b7169203331-01"),), 0),
    ],
)
async def test_head_sampling(spans: InMemorySpanExporter, ratio: float, dice: float, metadata, count: int) -> None:
    chooser, made = tracing(spans, ratio, dice)
    with chooser.server_span("call", lambda: metadata), span("inner"):
        pass
    made.force_flush()
    assert len(spans.get_finished_spans()) == count


async def test_a_sampled_call_continues_the_trace(spans: InMemorySpanExporter) -> None:
    chooser, made = tracing(spans, 1.0)
    with chooser.server_span("call", lambda: SAMPLED), span("inner"):
        pass
    made.force_flush()
    inner, call = spans.get_finished_spans()
    assert call.context.trace_id == inner.context.trace_id == 0x0AF7651916CD43DD8448EB211C80319C
    assert call.parent.span_id == 0xB7AD6B7169203331
    assert inner.parent.span_id == call.context.span_id


async def test_an_error_leaves_no_text_in_a_span(spans: InMemorySpanExporter) -> None:
    chooser, made = tracing(spans, 1.0)
    with pytest.raises(ValueError), chooser.server_span("call", lambda: ()), span("inner"):
        raise ValueError("canary")
    made.force_flush()
    assert len(spans.get_finished_spans()) == 2
    assert "canary" not in "".join(done.to_json() for done in spans.get_finished_spans())


async def test_unsampled_calls_make_nothing(spans: InMemorySpanExporter) -> None:
    chooser, _ = tracing(spans, 0.1)
    assert chooser.server_span("a", lambda: ()) is chooser.server_span("b", lambda: ()) is span("c")


def lines(level: int = logging.DEBUG) -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("audit"))
    logger = logging.Logger("placet.test", level)
    logger.addHandler(handler)
    return logger, stream


def test_a_log_line_is_one_json_object() -> None:
    logger, stream = lines()
    logger.warning("%d of %s\nlost", 3, "五", extra={"reason": "QUEUE_FULL", "count": 3})
    line = json.loads(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "placet.test",
        "service": "audit",
        "message": "3 of 五\nlost",
        "reason": "QUEUE_FULL",
        "count": 3,
    }


def test_a_traceback_is_logged_scrubbed() -> None:
    logger, stream = lines()
    try:
        try:
            raise KeyError("AQc2lnbmF0dXJlMTIzNDU2Nzg5MDEyMzQ1Njc4OTA")
        except KeyError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        logger.exception("failed")
    traceback = json.loads(stream.getvalue())["traceback"]
    assert "KeyError" in traceback
    assert "RuntimeError: outer" in traceback
    assert "test_kit_telemetry.py" in traceback
    assert "c2lnbmF0dXJl" not in traceback


def test_bytes_and_tokens_are_not_logged() -> None:
    logger, stream = lines()
    logger.error("%s and %s", b"canary", "eyJhbGciOiJ.canary.x", extra={"raw": bytearray(b"canary")})
    assert "canary" not in stream.getvalue()


def test_a_wrong_format_does_not_lose_the_line() -> None:
    logger, stream = lines()
    logger.error("%d", "canary")
    assert json.loads(stream.getvalue())["message"] == "%d (arguments do not fit)"


async def test_spans_without_a_collector_are_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    made = provider(SpanLog())
    with caplog.at_level(logging.INFO, "placet.spans"):
        with Tracing(made.get_tracer("x"), ratio=1, dice=lambda: 0).server_span("call", lambda: SAMPLED):
            pass
        made.force_flush()
    [record] = caplog.records
    assert record.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert record.parent_id == "b7ad6b7169203331"
