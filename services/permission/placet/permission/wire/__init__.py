"""Protobuf <-> model, total and checked: what comes out of here is well-formed, or a typed error named the field."""
