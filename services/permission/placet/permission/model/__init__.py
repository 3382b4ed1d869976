"""The words of this service as types: events, registers, bases, legal permissions. Import the modules."""
