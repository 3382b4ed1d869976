"""What the API answers with, as types; OpenAPI is made of them.

Hashes and bytes are standard base64 with padding, as in placet.bundle/1; times are microseconds since 1970 UTC.
Owns no rule: an entry is shown as it stands in the log. What is shown here is claimed by the server; only a bundle, a
proof or the tiles, checked against a pinned key, prove it.
"""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """That the gateway answers."""

    status: Literal["ok"] = "ok"


class Found(BaseModel):
    """One entry that was found."""

    index: int = Field(description="Its position in the log.")
    entry: dict[str, Any] = Field(description="The entry, decoded.")


class Page(BaseModel):
    """Entries that match, newest first."""

    items: list[Found]
    next_cursor: str | None = Field(description="Pass it on as `cursor` for the next page; null: there is no more.")
    complete_to: int = Field(description="Every entry below this index was considered.")
    tree_size: int = Field(description="The number of entries in the log.")


class Articles(BaseModel):
    """The articles of law on both sides."""

    permit: list[str]
    forbid: list[str]


class Ruling(BaseModel):
    """What the policy packs said."""

    index: int
    verdict: str
    articles: Articles
    errors: list[str] = Field(description="Codes of rules that could not be evaluated; each of them denies.")
    policies: list[dict[str, str]] = Field(description="The packs in force, by id and content hash.")
    context: dict[str, Any] = Field(description="The facts that the packs looked at.")


class BasisView(BaseModel):
    """A basis that the event stands on."""

    ordinal: int
    form: str
    granted: int = Field(description="Index of its grant.")
    ended: int | None = Field(description="Index of its withdraw, also of one after the event; null: it stands.")
    grant: dict[str, Any]
    amends: list[Found]
    withdraw: Found | None


class EventDetail(BaseModel):
    """An event and why it was allowed or denied."""

    index: int
    verdict: str
    reasons: list[str] = Field(description="Why it was denied; empty when it was allowed.")
    articles: Articles
    entry: dict[str, Any]
    decision: Ruling
    bases: list[BasisView] = Field(description="The event's own basis, if it names one, then those that it needs.")
    uses: list[Found] = Field(description="What was done under its permit.")
    tree_size: int
    bundle: str = Field(description="Where the evidence for this event is, to be checked offline.")


class EntryView(BaseModel):
    """An entry with its inclusion proof."""

    index: int
    entry: dict[str, Any] = Field(description="The entry, decoded.")
    bytes: str = Field(description="The entry as the log hashes it (base64).")
    leaf_hash: str
    proof: list[str] = Field(description="Inclusion proof against the checkpoint, the leaf's sibling first.")
    checkpoint: str = Field(description="The signed note that the proof is against.")
    tree_size: int


class CheckpointView(BaseModel):
    """The newest checkpoint."""

    checkpoint: str = Field(description="The signed note, verbatim (C2SP tlog-checkpoint).")
    origin: str
    tree_size: int
    root: str


class ConsistencyView(BaseModel):
    """That the tree of `new` entries extends that of `old` entries."""

    old: int
    new: int
    root: str = Field(description="Root of the tree of `new` entries.")
    proof: list[str] = Field(description="RFC 6962 consistency proof.")
    checkpoint: str = Field(description="The newest signed checkpoint; its size may be beyond `new`.")
    tree_size: int = Field(description="The size of that checkpoint.")
