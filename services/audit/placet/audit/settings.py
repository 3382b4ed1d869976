"""What an operator can set for the audit service, besides what every service has (`placet.kit.settings`)."""

from pydantic import Field

from placet.audit.partitions import ENTRIES, LEAST
from placet.kit.security.redacted import SecretStr
from placet.kit.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """Settings of the audit service; environment variables `PLACET_*`."""

    service: str = Field(default="audit", description="Name of the service, in logs and on the bus.")
    log_prefix: str = Field(
        default="localhost/log",
        min_length=1,
        max_length=190,
        description="URL without scheme under which logs are published; an origin is this, a slash, the controller.",
    )
    search_url: SecretStr = Field(
        default_factory=lambda: SecretStr(""),
        description="SQLAlchemy URL of the search index; empty: SQLite, search.db in the data directory.",
    )
    queue_bound: int = Field(
        default=16_384,
        ge=512,
        description="Submissions that may wait for one log; beyond it RESOURCE_EXHAUSTED.",
    )

    entry_partition: int = Field(
        default=ENTRIES,
        ge=LEAST,
        description="PostgreSQL: how many indexes the next partitions of the entries span.",
    )

    def search_database(self) -> str:
        """Return the URL of the search index's database; it may hold a password."""
        return self.search_url.reveal() or f"sqlite:///{self.data_dir / 'search.db'}"
