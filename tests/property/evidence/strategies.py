"""Strategies for what stands in entries, and for whole logs as lists of steps."""

from unicodedata import normalize

from hypothesis import strategies as st

from placet.evidence.canonical import b64url
from placet.evidence.entries import (
    Amend,
    Decision,
    Event,
    EventPermit,
    Grant,
    Outcome,
    PolicyRef,
    Record,
    State,
    Use,
    Withdraw,
)
from placet.evidence.reasons import ORDER, Reason
from placet.evidence.terms import MAX_INT, EndedBy, Form, Operation, Verdict

ints = st.integers(0, MAX_INT)
control = st.characters(min_codepoint=0, max_codepoint=0x1F)
chinese = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
anything = st.characters(exclude_categories=["Cs"])
texts = st.text(st.one_of(anything, control, chinese, st.sampled_from('"\\/\x7f\u2028\u00e9')), max_size=20).map(
    lambda text: normalize("NFC", text)
)
keys = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789_"), min_size=1, max_size=8)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), ints, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
objects = st.dictionaries(keys, json_values, max_size=5)
hashes = st.binary(min_size=32, max_size=32).map(b64url)
uuids = st.uuids().map(str)


def ascending(items):
    return st.sets(items, max_size=4).map(lambda found: tuple(sorted(found)))


def scopes(items):
    return st.one_of(ascending(items.filter(lambda text: text != "*")), st.just(("*",)))


reasons = st.sets(st.sampled_from(Reason), max_size=4).map(lambda found: tuple(sorted(found, key=ORDER.__getitem__)))
policies = st.dictionaries(texts, hashes, max_size=3).map(
    lambda found: tuple(PolicyRef(id=name, hash=found[name]) for name in sorted(found))
)
placed = {"i": ints, "prev": hashes, "t": ints}
permits = st.none() | st.builds(EventPermit, max_uses=ints, not_after=ints)
operations = st.sampled_from(Operation)
verdicts = st.sampled_from(Verdict)

grants = st.builds(
    Grant,
    **placed,
    basis=ints,
    form=st.sampled_from(Form),
    subject=st.none() | st.binary(min_size=16, max_size=16).map(b64url),
    purposes=scopes(texts),
    operations=scopes(operations),
    sites=scopes(texts),
    egress=st.booleans(),
    not_before=ints,
    not_after=st.none() | ints,
    needs=ascending(ints),
    max_events=st.none() | ints,
    approvals=ascending(ints),
    record=hashes,
    notice=st.none() | hashes,
    law=texts,
    authority=st.none() | texts,
    imported=st.booleans(),
)
amends = st.builds(
    Amend,
    **placed,
    basis=ints,
    purposes=st.none() | scopes(texts),
    operations=st.none() | scopes(operations),
    sites=st.none() | scopes(texts),
    egress=st.none() | st.booleans(),
    not_after=st.none() | ints,
)
withdraws = st.builds(Withdraw, **placed, basis=ints, by=st.sampled_from(EndedBy), reason=texts)
decisions = st.builds(
    Decision,
    **placed,
    policies=policies,
    context=objects,
    verdict=verdicts,
    permit=ascending(texts),
    forbid=ascending(texts),
    errors=ascending(texts),
)
events = st.builds(
    Event,
    **placed,
    id=uuids,
    frame=st.none() | uuids,
    basis=st.none() | ints,
    purpose=texts,
    operation=operations.filter(lambda operation: operation != Operation.EXPORT),
    device=texts,
    site=texts,
    egress=st.booleans(),
    occurred=ints,
    offline=st.booleans(),
    seen=ints,
    decision=ints,
    verdict=verdicts,
    reasons=reasons,
    permit=permits,
)
uses = st.builds(Use, **placed, event=st.none() | ints, n=ints, service=texts, verdict=verdicts, reasons=reasons)
outcomes = st.builds(Outcome, **placed, of=ints, result=texts)
records = st.builds(Record, **placed, type=texts, data=objects)
states = st.builds(
    State,
    **placed,
    prev_state=st.none() | ints,
    covers=st.tuples(ints, ints),
    bases=ints,
    status_root=hashes,
    rules=texts,
)
entries = st.one_of(grants, amends, withdraws, decisions, events, uses, outcomes, records, states)
