"""A service's own database: engines that are as durable as promised, one writer, typed errors."""
