"""Spans for the few calls that are sampled; for all others nothing is made at all.

Owns: the decision, taken once at the head of a call (by ratio, or because the caller's `traceparent` is sampled and the
ratio is not zero), and `span` for the parts below. Format: W3C Trace Context level 1.
Never: asks OpenTelemetry anything for an unsampled call (its own gRPC interceptors halve the throughput: promises.md);
puts an error's text, a subject reference, token or template into a span.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

_sampled: ContextVar[trace.Tracer | None] = ContextVar("placet_sampled", default=None)
_NOTHING = nullcontext()
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Tracing:
    """Decides and starts. `ratio` 0 to 1; `dice` gives a float in [0, 1)."""

    def __init__(
        self, tracer: trace.Tracer | None = None, *, ratio: float = 0.0, dice: Callable[[], float] | None = None
    ) -> None:
        self._tracer = tracer
        self._ratio = ratio if tracer is not None else 0.0
        self._dice = dice

    def server_span(self, name: str, metadata: Callable[[], Any]) -> AbstractContextManager[object]:
        """Return the span of an incoming call, or something that does nothing; reads `metadata` only if needed."""
        if self._ratio <= 0.0 or self._tracer is None:
            return _NOTHING
        parent = _parent(metadata())
        chosen = parent is not None and parent.trace_flags.sampled
        if not chosen and (self._dice is None or self._dice() >= self._ratio):
            return _NOTHING
        return _recorded(self._tracer, name, parent)


def span(name: str) -> AbstractContextManager[object]:
    """Return a child span when the current call is sampled, else something that does nothing."""
    tracer = _sampled.get()
    if tracer is None:
        return _NOTHING
    return tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False)


@contextmanager
def _recorded(tracer: trace.Tracer, name: str, parent: trace.SpanContext | None) -> Iterator[object]:
    """Record one call. Nothing is reset: the call's task, and its context with it, ends after this."""
    above = trace.set_span_in_context(trace.NonRecordingSpan(parent)) if parent else None
    made = tracer.start_span(name, context=above, kind=trace.SpanKind.SERVER)
    _sampled.set(tracer)
    context.attach(trace.set_span_in_context(made))
    try:
        yield made
    finally:
        made.end()


def _parent(metadata: Any) -> trace.SpanContext | None:
    value = next((value for key, value in metadata or () if key == "traceparent"), "")
    found = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    if not trace_id or not span_id:
        return None
    return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))


def provider(exporter: SpanExporter) -> TracerProvider:
    """Return a provider that exports from a thread of its own; spans exist only for calls `Tracing` has chosen."""
    made = TracerProvider(sampler=ALWAYS_ON)
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made
