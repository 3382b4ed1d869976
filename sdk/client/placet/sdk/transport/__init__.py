"""How a call travels: channels, methods, statuses, retries. Knows messages only as things to send."""
