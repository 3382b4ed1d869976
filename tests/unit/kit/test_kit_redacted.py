"""Types that hold secrets or faces: whoever tries to show, log, pickle or copy one gets nothing of it."""

import copy
import dataclasses
import io
import json
import logging
import pickle
from dataclasses import dataclass

import msgspec
import pytest

from placet.kit.security.redacted import Redacted, SecretBytes, SecretStr
from placet.kit.settings import BaseServiceSettings
from placet.kit.telemetry.logs import JsonFormatter, scrub

CANARY = "c4n4ry-0f-4-f4c3"


@dataclass(frozen=True, kw_only=True, slots=True)
class Template(Redacted):
    """A face, as a service's model would hold it."""

    shown = ("model",)
    model: str
    vector: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Gallery:
    """Holds faces without being redacted itself."""

    name: str
    templates: tuple[Template, ...]


@dataclass
class Plain:
    """The negative control: a dataclass without the base."""

    vector: bytes


TEMPLATE = Template(model="m1", vector=CANARY.encode())
SECRETS = [TEMPLATE, SecretStr(CANARY), SecretBytes(CANARY.encode()), Gallery(name="g", templates=(TEMPLATE,))]


def shown(secret: object) -> list[str]:
    return [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        f"{secret!s:>80}",
        "%s" % (secret,),  # noqa: UP031
        "%r" % (secret,),  # noqa: UP031
    ]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda s: type(s).__name__)
def test_no_text_of_it_shows_it(secret: object) -> None:
    assert not [text for text in shown(secret) if CANARY in text]
    assert "redacted" in repr(secret)


def test_the_control_does_show() -> None:
    assert all(CANARY in text for text in shown(Plain(CANARY.encode())))


def test_the_allowed_fields_are_shown() -> None:
    assert repr(TEMPLATE) == "Template(model='m1', redacted)"


@pytest.mark.parametrize("secret", SECRETS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(secret: object, protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret, protocol)


@pytest.mark.parametrize("secret", SECRETS[:3], ids=lambda s: type(s).__name__)
def test_it_is_not_copied(secret: object) -> None:
    for attempt in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(secret)


@pytest.mark.parametrize("secret", SECRETS[1:3], ids=lambda s: type(s).__name__)
def test_it_is_not_encoded_as_json(secret: object) -> None:
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)


@pytest.mark.parametrize("formatter", [JsonFormatter("vault"), logging.Formatter("%(message)s %(mine)s")])
@pytest.mark.parametrize("secret", SECRETS, ids=lambda s: type(s).__name__)
def test_whoever_logs_it_logs_nothing(secret: object, formatter: logging.Formatter) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("x")
    logger.addHandler(handler)
    for attempt in ("%s", "%r", "it is %s"):
        logger.error(attempt, secret, extra={"mine": secret})
    logger.error(secret, extra={"mine": [secret, {"deep": secret}]})
    logger.error("%(a)s", {"a": secret}, extra={"mine": 1})
    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("failed", extra={"mine": secret})
    assert stream.getvalue().count("redacted") >= 6
    assert CANARY not in stream.getvalue()


def test_revealing_is_explicit() -> None:
    assert SecretStr(CANARY).reveal() == CANARY
    assert bytes(SecretBytes(CANARY.encode()).reveal()) == CANARY.encode()


def test_a_wiped_buffer_is_zero_also_for_who_holds_a_view() -> None:
    with SecretBytes(b"key") as key:
        view = key.reveal()
        assert bytes(view) == b"key"
    assert bytes(view) == b"\0\0\0"
    with pytest.raises(TypeError):
        view[0] = 1


def test_equality_and_no_hash() -> None:
    assert SecretStr("a") == SecretStr("a")
    assert SecretStr("a") != SecretStr("b")
    assert SecretStr("a") != "a"
    assert SecretBytes(b"a") == SecretBytes(b"a")
    assert not SecretStr("")
    for secret in (SecretStr("a"), SecretBytes(b"a")):
        with pytest.raises(TypeError):
            hash(secret)


def test_replace_still_works() -> None:
    assert dataclasses.replace(TEMPLATE, model="m2").model == "m2"


def test_settings_do_not_show_it() -> None:
    settings = BaseServiceSettings(database_url=f"postgresql://u:{CANARY}@h/d", jwks="x", issuer="i")
    assert CANARY not in repr(settings)
    assert CANARY not in settings.model_dump_json()
    assert CANARY not in str(settings.model_dump())
    assert settings.database().endswith("@h/d")


def test_a_wrong_setting_does_not_show_it() -> None:
    with pytest.raises(ValueError) as refused:
        BaseServiceSettings(port=CANARY, jwks="x", issuer="i")
    assert CANARY not in str(refused.value)


# --- scrubbing what others say


@pytest.mark.parametrize(
    "text",
    [
        "cannot read eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ0aWxsLTcifQ.c2lnbmF0dXJl now",
        "could not connect to postgresql://placet:c2lnbmF0dXJl@db/placet",
        "bad value b'c2lnbmF0dXJl \\x00\\xff'",
        'bad value b"c2lnbmF0dXJl it\'s"',
        "(sqlite3.IntegrityError) failed\n[SQL: INSERT]\n[parameters: ('c2lnbmF0dXJl', 'Zhang San')]",
        "no row for subject AQc2lnbmF0dXJlMTIzNDU2Nzg5MDEyMzQ1Njc4OTA",
        "no row for subject 6332c2lnbmF0dXJl36fe61747572650123456789",
    ],
)
def test_scrubbed(text: str) -> None:
    assert "c2lnbmF0dXJl" not in scrub(text)
    assert "Zhang San" not in scrub(text)


def test_a_vector_is_scrubbed() -> None:
    assert "0.125" not in scrub(f"bad template {[0.125] * 128}")
    assert "0.125" not in scrub(f"bad template {(0.125,) * 128}")


@pytest.mark.parametrize(
    "text",
    [
        "index 123456 is past the end",
        "event 018f3c9e-9a1b-7c3d-8e4f-0123456789ab is unknown",
        "ERROR_REASON_DEPENDENCY_UNAVAILABLE in placet.api.permission.v1.PermissionService/AuthorizeStream",
        'File "/srv/placet/services/permission/placet/permission/handlers/authorize.py", line 12, in authorize',
    ],
)
def test_what_operators_need_is_kept(text: str) -> None:
    assert scrub(text) == text
