"""What ledger.md section 4 says of a decision's context: refused alike where it is asked for and where it is read."""

import json
from typing import Any

import pytest
from integration.audit.rig import decision

from placet.evidence.admission import admit_decision
from placet.evidence.drafts import check_draft
from placet.evidence.entries import encode_entry, parse_entry
from placet.evidence.errors import DraftError, EntryError
from placet.evidence.terms import LeafIndex, Micros
from placet.evidence.view import Position

AT = Position(i=LeafIndex(7), t=Micros(1), prev="A" * 43)


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({"minor": ["us-il-bipa", "cn-2025"]}, "minor"),
        ({"minor": ["cn-2025", "cn-2025"]}, "minor"),
        ({"storage": "vault", "egress": False}, "egress"),
    ],
)
def test_a_context_that_is_not_lawful_is_neither_appended_nor_read(context: dict[str, Any], field: str) -> None:
    draft = decision(**context)
    with pytest.raises(DraftError) as asked:
        check_draft(draft)
    with pytest.raises(EntryError) as read:
        parse_entry(encode_entry(admit_decision(draft, AT)))
    assert field in asked.value.field
    assert field in read.value.field


def test_storing_in_the_vault_with_egress_is_both() -> None:
    draft = decision(storage="vault", egress=True, minor=["cn-2025", "us-il-bipa"])
    check_draft(draft)
    entry = encode_entry(admit_decision(draft, AT))
    assert json.loads(entry)["context"]["storage"] == "vault"
    assert parse_entry(entry).kind == "decision"
