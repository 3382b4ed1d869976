"""Rules about where devices stand: R4 and R5.

Owns: places where none may stand, and what a device in a public place needs. Never: looks at devices that were taken
down.
"""

from placet.permission.model.registers import Device, ItemKind, Site
from placet.permission.model.vocabulary import FORBIDDEN_PLACES, PlaceClass
from placet.permission.posture.facts import Facts
from placet.permission.posture.findings import Evidence, Point
from placet.permission.posture.rules.terms import item, soon
from placet.permission.posture.sayings import Saying


def private_spaces(facts: Facts, now: int) -> list[Point]:
    """R4: no device in a hotel room, restroom, bathroom or changing room."""
    points = []
    devices = facts.standing_devices()
    for device in devices:
        classes = {device.place_class, *(site.place_class for site in _site(facts, device))}
        found = sorted(classes & FORBIDDEN_PLACES)
        if found:
            told = {"device": device.id, "place": found[0]}
            points.append(Point(saying=Saying.PLACE_FORBIDDEN, facts=told, evidence=_evidence(facts, device)))
    return points or [Point(saying=Saying.PLACES_CLEAR, facts={"count": len(devices)})]


def signs(facts: Facts, now: int) -> list[Point]:
    """R5: in a public place only for public safety, with a collection area and a prominent sign."""
    public = [device for device in facts.standing_devices() if _public(facts, device)]
    points = [point for device in public for point in _public_device(facts, device, now)]
    return points or [Point(saying=Saying.NOT_PUBLIC, facts={"count": len(facts.standing_devices())})]


def _public_device(facts: Facts, device: Device, now: int) -> list[Point]:
    sayings = []
    if not device.area_set:
        sayings.append(Saying.AREA_MISSING)
    if not device.public_safety_need.strip():
        sayings.append(Saying.NEED_MISSING)
    sayings.append(_sign(device, now))
    evidence = _evidence(facts, device)
    return [Point(saying=saying, facts={"device": device.id}, evidence=evidence) for saying in sayings]


def _sign(device: Device, now: int) -> Saying:
    if not device.sign_stands(now):
        return Saying.SIGN_MISSING
    if soon(device.sign_valid_until, now):
        return Saying.SIGN_EXPIRES
    described = device.sign_position and device.sign_languages and device.sign_checked_at
    return Saying.SIGN_STANDS if described else Saying.SIGN_BARE


def _public(facts: Facts, device: Device) -> bool:
    sites = _site(facts, device)
    return (
        device.public_place
        or device.place_class is PlaceClass.PUBLIC_SPACE
        or any(site.public_place or site.place_class is PlaceClass.PUBLIC_SPACE for site in sites)
    )


def _site(facts: Facts, device: Device) -> list[Site]:
    return [facts.sites[device.site]] if device.site in facts.sites else []


def _evidence(facts: Facts, device: Device) -> tuple[Evidence, ...]:
    own = item(facts, ItemKind.DEVICE, device.id, valid_until=device.sign_valid_until)
    return (own, item(facts, ItemKind.SITE, device.site))
