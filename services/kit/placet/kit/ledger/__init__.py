"""How a service appends to a log: the port, the messages that travel, the client that coalesces, the receipts."""
