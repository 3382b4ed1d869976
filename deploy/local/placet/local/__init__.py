"""The whole mesh on one machine, for development, tests and the demo: loopback only, tokens of its own making."""
