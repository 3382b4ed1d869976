"""Placet's speed, measured against an empty gRPC echo on the same cores in the same run."""
