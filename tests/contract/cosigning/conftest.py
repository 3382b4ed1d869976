"""Both kinds of database, empty."""

from integration.kit_bus.databases import database, postgres_server, postgres_url, sqlite_url, url

__all__ = ("database", "postgres_server", "postgres_url", "sqlite_url", "url")
