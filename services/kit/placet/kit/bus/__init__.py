"""Talking to the other services over NATS: requests and messages, outbox and inbox (ADR 0004)."""
