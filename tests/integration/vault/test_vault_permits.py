"""Which permits the vault takes, and how it comes by the keys: over a real bus, at most every few seconds."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from integration.vault.world import World, face

from placet.evidence.canonical import b64url
from placet.evidence.entries import Event
from placet.evidence.terms import Operation
from placet.kit.errors import Kind, PlacetError
from placet.permit.claims import Details
from placet.permit.keys import jwks_of, key_id, parse_jwks

THUMBPRINT = b64url(b"\7" * 32)


async def refused(call: Any) -> PlacetError:
    with pytest.raises(PlacetError) as caught:
        await call
    return caught.value


def changed(name: str, value: Any) -> Callable[[World, Event], str]:
    return lambda world, event: world.permission.permit("bank", event, **{name: value})


def with_header(**header: Any) -> Callable[[World, Event], str]:
    def make(world: World, event: Event) -> str:
        _, payload, signature = world.permission.permit("bank", event).split(".")
        kid = world.permission.current
        text = json.dumps({"alg": "EdDSA", "typ": "placet-permit+jwt", "kid": kid, **header}).encode()
        return f"{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.{payload}.{signature}"

    return make


def unsigned(world: World, event: Event) -> str:
    claims = jwt.decode(world.permission.permit("bank", event), options={"verify_signature": False})
    return jwt.encode(claims, key="", algorithm="none", headers={"typ": "placet-permit+jwt", "kid": "k"})


def details_of(event: Event, *actions: Operation) -> Details:
    return Details(
        actions=actions,
        locations=(event.site,),
        purpose=event.purpose,
        datatypes=("template",),
        max_uses=1,
        max_gallery=None,
        retention=None,
    )


BAD = {
    "empty claims": (lambda w, e: "e30.e30.e30", "ALGORITHM"),
    "no jwt": (lambda w, e: "x", "MALFORMED"),
    "not base64": (lambda w, e: "a.b.c!", "MALFORMED"),
    "none": (unsigned, "ALGORITHM"),
    "header none": (with_header(alg="none"), "ALGORITHM"),
    "other type": (with_header(typ="JWT"), "HEADER"),
    "key in the header": (with_header(jwk={"kty": "OKP"}), "HEADER"),
    "signature": (with_header(kid=None), "KEY_UNKNOWN"),
    "cut": (lambda w, e: w.permission.permit("bank", e)[:-4], "MALFORMED SIGNATURE"),
    "padding": (lambda w, e: w.permission.permit("bank", e) + "=", "MALFORMED"),
    "foreign key": (lambda w, e: w.permission.permit("bank", e, key=Ed25519PrivateKey.generate()), "SIGNATURE"),
    "engine's": (changed("aud", "urn:placet:engine:bank"), "AUDIENCE"),
    "another vault's": (changed("aud", "urn:placet:vault:retailer"), "AUDIENCE"),
    "another controller's": (changed("azp", "retailer"), "CONTROLLER"),
    "another issuer's": (changed("iss", "someone"), "ISSUER"),
    "bound to a certificate": (changed("cnf", THUMBPRINT), "BINDING"),
    "of years": (changed("exp", 1_900_000_000), "LIFETIME"),
}


@pytest.mark.parametrize(("make", "cause"), BAD.values(), ids=BAD.keys())
async def test_a_bad_permit_is_refused_and_nothing_is_appended(
    world: World, make: Callable[[World, Event], str], cause: str
) -> None:
    basis = world.ledger.grant("bank")
    event = world.ledger.authorize("bank", basis, "enrol")
    error = await refused(world.run_enrol(world.command("bank", make(world, event), face(1))))
    assert (error.kind, error.reason, error.field) == (Kind.UNAUTHENTICATED, "PERMIT_INVALID", "permit")
    assert error.metadata["cause"] in cause.split()
    assert world.ledger.uses("bank") == []
    # The good one is good: the refusal above is not for another reason.
    await world.run_enrol(world.command("bank", world.permission.permit("bank", event), face(1)))


async def test_a_permit_is_for_its_operation_only(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    verify, enrol = world.permit("bank", basis, "verify"), world.permit("bank", basis, "enrol")
    for call in (
        world.run_enrol(world.command("bank", verify, face(1))),
        world.run_match(world.command("bank", enrol, face(1))),
    ):
        error = await refused(call)
        assert (error.reason, error.metadata["cause"]) == ("PERMIT_INVALID", "OPERATION")
    assert len(world.ledger.uses("bank")) == 1


async def test_a_permit_for_a_gallery_is_not_for_one_template(world: World) -> None:
    basis = world.ledger.grant("bank")
    event = world.ledger.authorize("bank", basis, "verify")
    permit = world.permission.permit("bank", event, sub="gallery:g1")
    error = await refused(world.run_match(world.command("bank", permit, face(1))))
    assert error.reason == "PERMIT_INVALID"


async def test_a_permit_expires(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit = world.permit("bank", basis, "enrol")
    world.clock.forward(60)
    error = await refused(world.run_enrol(world.command("bank", permit, face(1))))
    assert error.metadata["cause"] == "EXPIRED"


async def test_a_bound_permit_needs_its_certificate(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit = world.permission.permit("bank", world.ledger.authorize("bank", basis, "enrol"), cnf=THUMBPRINT)
    other = world.command("bank", permit, face(1), certificate=b64url(b"\x08" * 32))
    assert (await refused(world.run_enrol(other))).metadata["cause"] == "BINDING"
    await world.run_enrol(world.command("bank", permit, face(1), certificate=THUMBPRINT))


async def test_keys_are_asked_for_once_and_again_for_an_unknown_one_but_not_often(world: World) -> None:
    basis = world.ledger.grant("bank")
    for _ in range(3):
        await world.enrol("bank", basis, face(1))
    assert world.permission.asked == 1
    world.clock.forward(6)
    world.permission.rotate()
    await world.enrol("bank", basis, face(1))
    assert world.permission.asked == 2
    world.permission.rotate()
    for _ in range(5):  # a flood of unknown keys asks no more
        error = await refused(world.enrol("bank", basis, face(1)))
        assert error.metadata["cause"] == "KEY_UNKNOWN"
    assert world.permission.asked == 2
    world.clock.forward(6)
    await world.enrol("bank", basis, face(1))
    assert world.permission.asked == 3


async def test_many_calls_at_once_ask_once(world: World) -> None:
    basis = world.ledger.grant("bank")
    permits = [world.permit("bank", basis, "enrol") for _ in range(8)]
    await asyncio.gather(*(world.run_enrol(world.command("bank", permit, face(1))) for permit in permits))
    assert world.permission.asked == 1


async def test_without_the_permission_service_known_keys_serve_an_hour_and_unknown_ones_not_at_all(
    world: World,
) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    await world.others.bus.close()
    world.clock.forward(400)
    await world.enrol("bank", basis, face(1))  # old, but not too old
    world.clock.forward(3_600)
    error = await refused(world.enrol("bank", basis, face(1)))
    assert (error.kind, error.reason) == (Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
    assert error.metadata == {"dependency": "permission"}
    retailer = world.ledger.grant("retailer")
    assert (await refused(world.enrol("retailer", retailer, face(1)))).kind is Kind.UNAVAILABLE


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"keys": [{"kty": "oct"}]}', b"x" * (1 << 18), b'{"keys": 1}'])
async def test_keys_that_are_none_are_no_keys(world: World, answer: bytes) -> None:
    world.permission.broken = answer
    basis = world.ledger.grant("bank")
    error = await refused(world.enrol("bank", basis, face(1)))
    assert (error.kind, error.reason) == (Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
    world.permission.broken = None
    world.clock.forward(6)
    await world.enrol("bank", basis, face(1))


def test_a_key_id_may_begin_with_any_letter_of_base64url() -> None:
    # Regression: one thumbprint in thirty begins with - or _, and its whole key set was refused.
    for _ in range(200):
        key = Ed25519PrivateKey.generate().public_key()
        assert key_id(key) in parse_jwks(jwks_of({key_id(key): key}))


async def test_replay_of_a_permit_counts_on_the_event_not_on_the_text(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    event = world.ledger.authorize("bank", basis, "verify", max_uses=1)
    first = world.permission.permit("bank", event)
    other_text = world.permission.permit("bank", event, details=replace(details_of(event, Operation.VERIFY)))
    request = uuid4()
    await world.run_match(world.command("bank", first, face(1), id=request))
    await world.run_match(world.command("bank", other_text, face(1), id=request))  # the same request
    error = await refused(world.run_match(world.command("bank", other_text, face(1))))
    assert error.metadata["reasons"] == "PERMIT_EXHAUSTED"
