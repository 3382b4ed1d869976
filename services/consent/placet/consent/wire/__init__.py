"""Protobuf to model and back: `requests` in, `answers` out, `lookup` both ways, `words` for the enums."""
