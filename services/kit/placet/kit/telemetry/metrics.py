"""Counters that cost an addition.

Owns: `Metrics`, a set of named counters and gauges; a counter with fixed labels is bound once and then counted on.
`observe` exports them through any OpenTelemetry meter.
Never: locks, allocates or calls OpenTelemetry while counting (measured: promises.md). A label value is one of few: a
method, a reason, a code; never a controller, an actor or an id.
"""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

_Labels = tuple[tuple[str, str], ...]


class Count:
    """One number; `count.value += 1` is all there is to counting."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Counter:
    """A named family of counts, one for each set of labels."""

    def __init__(self, name: str, description: str, unit: str) -> None:
        self.name = name
        self.description = description
        self.unit = unit
        self.counts: dict[_Labels, Count] = {}

    def bind(self, **labels: str) -> Count:
        """Return the count of these labels: keep it and add to its `value`."""
        return self.counts.setdefault(tuple(sorted(labels.items())), Count())

    def add(self, amount: int = 1, **labels: str) -> None:
        """Add to the count of these labels, where it is not worth keeping it."""
        self.bind(**labels).value += amount


class Metrics:
    """All counters and gauges of a process."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, tuple[Callable[[], float], str, str]] = {}
        self._meter: Meter | None = None

    def counter(self, name: str, description: str, unit: str = "1") -> Counter:
        """Return the counter of that name, `placet.<part>.<what>`, made at the first call."""
        found = self._counters.get(name)
        if found is None:
            found = self._counters[name] = Counter(name, description, unit)
            self._export_counter(found)
        return found

    def gauge(self, name: str, read: Callable[[], float], description: str, unit: str = "1") -> None:
        """Register a number that is read when it is exported."""
        self._gauges[name] = (read, description, unit)
        self._export_gauge(name)

    def snapshot(self) -> dict[str, dict[_Labels, float]]:
        """Return every number now, by name and labels."""
        counts: dict[str, dict[_Labels, float]] = {
            name: {labels: count.value for labels, count in counter.counts.items()}
            for name, counter in self._counters.items()
        }
        return counts | {name: {(): read()} for name, (read, _, _) in self._gauges.items()}

    def observe(self, meter: Meter) -> None:
        """Export through the meter everything that is or will be registered; once."""
        self._meter = meter
        for counter in self._counters.values():
            self._export_counter(counter)
        for name in self._gauges:
            self._export_gauge(name)

    def _export_counter(self, counter: Counter) -> None:
        if self._meter is not None:
            self._meter.create_observable_counter(
                counter.name, [_reader(counter)], unit=counter.unit, description=counter.description
            )

    def _export_gauge(self, name: str) -> None:
        if self._meter is not None:
            read, description, unit = self._gauges[name]
            self._meter.create_observable_gauge(name, [_gauge_reader(read)], unit=unit, description=description)


def _reader(counter: Counter) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(count.value, dict(labels)) for labels, count in list(counter.counts.items())]


def _gauge_reader(read: Callable[[], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(read())]
