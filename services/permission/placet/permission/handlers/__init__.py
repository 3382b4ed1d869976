"""One function per use case: ports in, model out. No clock, no randomness, no transport. Import the modules."""
