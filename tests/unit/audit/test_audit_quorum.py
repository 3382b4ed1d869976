"""Which witnesses are named, and when enough of them have cosigned."""

import pytest
from pydantic import ValidationError

from placet.audit.quorum import at_least, majority, parse_witnesses
from placet.audit.settings import Settings
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.note import Signer, format_vkey

KEYS = [CosignatureSigner.from_seed(f"witness.example/w{n}", bytes([n]) * 32).vkey for n in range(1, 5)]
VKEYS = [format_vkey(key) for key in KEYS]
URLS = [f"https://w{n}.example" for n in range(1, 5)]


def test_a_witness_is_an_address_with_its_keys() -> None:
    given = [f"{URLS[0]}/=" + VKEYS[0], f"{URLS[1]}=" + VKEYS[1], f"{URLS[0]}=" + VKEYS[2]]
    first, second = parse_witnesses(given)
    assert (first.url, [key.vkey for key in first.keys], first.name) == (URLS[0], [KEYS[0], KEYS[2]], KEYS[0].name)
    assert (second.url, [key.vkey for key in second.keys]) == (URLS[1], [KEYS[1]])
    assert parse_witnesses([]) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        VKEYS[0],
        f"{URLS[0]}",
        f"ftp://w.example={VKEYS[0]}",
        f"https://={VKEYS[0]}",
        f"https://w.example/?a={VKEYS[0]}",
        f"{URLS[0]}=key",
        f"{URLS[0]}=" + format_vkey(Signer.from_seed("log.example/bank", bytes(32)).vkey),
    ],
)
def test_what_is_no_witness_is_named(wrong: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_witnesses([wrong])
    assert repr(wrong[:60]) in str(error.value)


def test_a_key_counts_for_one_witness() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_witnesses([f"{URLS[0]}=" + VKEYS[0], f"{URLS[1]}=" + VKEYS[0]])
    again = format_vkey(CosignatureSigner.from_seed("another.example/name", bytes([1]) * 32).vkey)
    with pytest.raises(ValueError, match="twice"):
        parse_witnesses([f"{URLS[0]}=" + VKEYS[0], f"{URLS[1]}=" + again])


def test_a_witness_counts_once_and_with_all_its_keys() -> None:
    witnesses = parse_witnesses([f"{URLS[0]}=" + VKEYS[0], f"{URLS[0]}=" + VKEYS[1], f"{URLS[1]}=" + VKEYS[2]])
    one, two = at_least(1, witnesses), at_least(2, witnesses)
    for cosigned, is_one, is_two in (
        ([], False, False),
        ([0], False, False),
        ([0, 1], True, False),
        ([2], True, False),
        ([2, 0], True, False),
        ([3], False, False),
        ([0, 1, 2], True, True),
    ):
        keys = {KEYS[n] for n in cosigned}
        assert (one(keys), two(keys)) == (is_one, is_two), cosigned


def test_a_majority() -> None:
    assert [majority(count) for count in range(1, 8)] == [1, 2, 2, 3, 3, 4, 4]


def settings(**given: object) -> Settings:
    return Settings(jwks="/jwks", issuer="test", **given)  # type: ignore[arg-type]


def test_settings() -> None:
    three = tuple(f"{url}={vkey}" for url, vkey in zip(URLS[:3], VKEYS, strict=False))
    assert settings(witnesses=three).quorum_count() == 2
    assert settings(witnesses=three, witness_quorum=3).quorum_count() == 3
    assert settings().named_witnesses() == ()
    assert settings(data_dir="/d").witness_database() == "sqlite:////d/witness.db"
    assert settings(database_url="postgresql://db/audit").witness_database() == "postgresql://db/audit"
    local = f"http://127.0.0.1:8790={VKEYS[0]}"
    assert settings(witnesses=(local,)).named_witnesses()[0].url == "http://127.0.0.1:8790"
    far = f"http://w.example={VKEYS[0]}"
    assert settings(witnesses=(far,), allow_plaintext=True).named_witnesses()
    for wrong, why in (
        ({"witnesses": three, "witness_quorum": 4}, "names 3"),
        ({"witness_quorum": 1}, "names 0"),
        ({"witnesses": (far,)}, "use https"),
        ({"witnesses": ("x",)}, "is not URL=vkey"),
    ):
        with pytest.raises(ValidationError, match=why):
            settings(**wrong)


def test_witnesses_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACET_WITNESSES", f'["{URLS[0]}={VKEYS[0]}", "{URLS[1]}={VKEYS[1]}"]')
    assert [one.url for one in settings().named_witnesses()] == URLS[:2]
