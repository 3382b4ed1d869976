"""Placet's speed: a mesh against an empty gRPC echo on the same cores, and a log that grows (`placet bench`)."""
