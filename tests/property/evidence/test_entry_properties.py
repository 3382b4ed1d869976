"""Entries and canonical JSON over everything that can stand in them, and parsers over everything that cannot."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from property.evidence import strategies as s

from placet.evidence.bundle import parse_evidence
from placet.evidence.canonical import b64url, decode, encode, unb64url
from placet.evidence.drafts import check_draft
from placet.evidence.entries import encode_entry, parse_entry, to_json
from placet.evidence.errors import BundleError, CanonicalError, DraftError, EntryError
from placet.evidence.redraft import redraft

services_encoder = msgspec.json.Encoder(order="sorted").encode


@given(s.entries)
def test_the_services_encoder_gives_the_bytes_of_the_canonical_form(entry):
    """The sequencer writes with msgspec, everybody else reads with `canonical`: byte for byte the same."""
    assert services_encoder(entry) == encode_entry(entry) == encode(to_json(entry))


@given(s.entries)
def test_an_entry_is_read_as_it_was_written(entry):
    data = encode_entry(entry)
    assert parse_entry(data) == entry
    assert decode(data) == json.loads(data)


@given(s.json_values)
def test_a_value_is_read_as_it_was_written(value):
    data = encode(value)
    assert decode(data) == value
    assert data == services_encoder(value)


@given(s.objects, st.randoms())
def test_the_order_in_which_keys_were_put_makes_no_difference(obj, random):
    names = list(obj)
    random.shuffle(names)
    assert encode({name: obj[name] for name in names}) == encode(obj)


@given(st.binary(max_size=80))
def test_bytes_are_canonical_or_refused(data):
    try:
        value = decode(data)
    except CanonicalError:
        return
    assert encode(value) == data


@given(s.entries, st.data())
def test_a_changed_byte_makes_another_entry_or_none(entry, data):
    """No two texts for one entry: what still parses is another entry."""
    written = bytearray(encode_entry(entry))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != written[place]))
    try:
        other = parse_entry(bytes(written))
    except EntryError:
        return
    assert other != entry
    assert encode_entry(other) == bytes(written)


@given(st.binary(max_size=200) | s.objects.map(encode))
def test_what_is_no_entry_is_refused_and_never_crashes(data):
    with pytest.raises(EntryError) as caught:
        parse_entry(data)
    assert caught.value.field


@given(st.binary(max_size=200) | st.text(max_size=200) | s.objects.map(json.dumps))
def test_what_is_no_evidence_is_refused_and_never_crashes(source):
    with pytest.raises(BundleError) as caught:
        parse_evidence(source)
    assert caught.value.field


@given(st.binary(max_size=64))
def test_byte_strings_have_one_text(data):
    assert unb64url(b64url(data)) == data


@given(st.text(max_size=40))
def test_text_is_a_byte_string_in_one_way_or_refused(text):
    try:
        data = unb64url(text)
    except CanonicalError:
        return
    assert b64url(data) == text


@given(s.entries.filter(lambda entry: entry.kind != "state"))
def test_any_draft_is_well_formed_or_refused_by_name(entry):
    """The drafts behind arbitrary entries are mostly malformed: refused as a draft, never with anything else."""
    with suppress(DraftError):
        check_draft(redraft(entry))
