"""Each kind of database in turn."""

from integration.kit_bus.databases import postgres_server, postgres_url, sqlite_url, url

__all__ = ["postgres_server", "postgres_url", "sqlite_url", "url"]
