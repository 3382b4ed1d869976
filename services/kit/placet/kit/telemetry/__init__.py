"""Counters, sampled spans and JSON logs that redact."""
