"""The gRPC side of every service: server, guard, statuses, and who is calling. Import the modules, not this package."""
