"""Subject references: the formula of architecture.md section 2, rotation, and that keys stay secret."""

import hashlib
import hmac
import pickle

import pytest

from placet.sdk.errors import ConfigError, Invalid
from placet.sdk.subject import ReferenceKey, SubjectReferences

KEY = bytes(range(32))


def test_a_reference_is_the_key_id_and_the_hmac_of_the_normalised_id() -> None:
    key_id = hashlib.sha256(b"placet/reference-key/v1\0" + KEY).digest()[:4]
    mac = hmac.new(KEY, b"placet/subject-ref/v1\0" + "Zo\u00eb-12".encode(), hashlib.sha256).digest()
    assert SubjectReferences(KEY).reference("Zo\u00eb-12") == key_id + mac


def test_two_spellings_of_one_id_have_one_reference() -> None:
    references = SubjectReferences(KEY)
    assert references.reference("Zoe\u0308") == references.reference("Zo\u00eb")
    assert references.reference("Zoe") != references.reference("Zo\u00eb")


def test_after_a_rotation_new_subjects_get_the_new_key_and_old_ones_are_still_found() -> None:
    old, new = SubjectReferences(KEY), SubjectReferences(b"n" * 32, [KEY])
    assert new.reference("c") != old.reference("c")
    assert new.references("c") == (new.reference("c"), old.reference("c"))
    assert new.reference("c", key_id=old.key_ids[0]) == old.reference("c")
    with pytest.raises(Invalid, match="key_id"):
        old.reference("c", key_id=new.key_ids[0])


def test_a_short_key_or_a_key_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="16"):
        ReferenceKey(b"short")
    with pytest.raises(ConfigError, match="two reference keys"):
        SubjectReferences(KEY, [KEY])


@pytest.mark.parametrize("customer", ["", "x" * 1_025, "\ud800"])
def test_an_impossible_customer_id_is_refused_and_not_shown(customer: str) -> None:
    with pytest.raises(Invalid) as caught:
        SubjectReferences(KEY).reference(customer)
    assert caught.value.field == "customer"
    assert "xxx" not in caught.value.explain()


def test_keys_are_neither_shown_nor_pickled() -> None:
    references = SubjectReferences(KEY)
    for holder in (references, references.current):
        assert KEY.hex() not in repr(holder)
        assert repr(KEY) not in repr(holder)
        assert "<secret>" in str(holder)
        with pytest.raises(TypeError):
            pickle.dumps(holder)
