"""Who is calling, and types that do not tell what they hold."""
