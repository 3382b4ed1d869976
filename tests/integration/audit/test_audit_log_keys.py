"""Both providers of signing keys do what the port says; in the token's case the private key cannot be had."""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault.crashing import Crash, failing
from integration.audit import tokens
from integration.audit.rig import Rig
from integration.audit.tokens import LABEL, PIN, make_token, module, token_keys
from pkcs11 import Attribute, ObjectClass
from pkcs11 import lib as pkcs11_lib
from pkcs11.exceptions import AttributeSensitive

from placet.audit.errors import Corrupt, KeysUnavailable
from placet.audit.fsck import fsck
from placet.audit.hsmkeys import TokenKeys
from placet.audit.keyproviders import open_keys
from placet.audit.logkeys import KeyFiles
from placet.audit.ports import LogKeys
from placet.audit.settings import KeySettings
from placet.evidence.verify import verify_bundle
from placet.kit.failpoints import Side, Write
from placet.tlog.note import Verifier, sign_note

pytestmark = pytest.mark.system


@pytest.fixture(scope="module", autouse=True)
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One token for this process: the module reads its configuration once."""
    before = os.environ.get("SOFTHSM2_CONF")
    folder = tmp_path_factory.mktemp("softhsm")
    make_token(folder)
    yield folder / "tokens"
    os.environ.pop("SOFTHSM2_CONF")
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture(params=["file", "pkcs11"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> LogKeys:
    """A provider, as the settings make it."""
    pin = tmp_path / "pin"
    pin.write_text(f"{PIN}\n")
    settings = KeySettings(key_provider=request.param, pkcs11_module=module(), pkcs11_token=LABEL, pkcs11_pin_file=pin)
    return open_keys(settings, tmp_path / "keys", os.urandom)


@pytest.fixture
def controller(request: pytest.FixtureRequest) -> str:
    """A controller of this test's own: tokens forget nothing."""
    return "c" + re.sub("[^a-z0-9]", "", os.urandom(8).hex())


def test_a_key_is_made_once_and_signs(keys: LogKeys, controller: str) -> None:
    made = keys.create(controller, f"test/{controller}")
    again = keys.create(controller, f"test/{controller}")
    loaded = keys.load(controller, f"test/{controller}")
    assert made.vkey == again.vkey == loaded.vkey
    assert made.vkey.name == f"test/{controller}"
    signature = loaded.sign(b"text\n")
    assert Verifier(made.vkey).verify(b"text\n", signature)
    assert not Verifier(made.vkey).verify(b"texT\n", signature)
    assert made.sign(b"text\n") == signature, "signing again gives the same checkpoint"
    assert len(sign_note("text\n", [loaded])) > 64


def test_the_next_key_is_another_and_the_first_stays(keys: LogKeys, controller: str) -> None:
    first = keys.create(controller, f"test/{controller}")
    second = keys.create(controller, f"test/{controller}", 2)
    assert first.vkey != second.vkey
    assert keys.load(controller, f"test/{controller}").vkey == first.vkey
    assert keys.create(controller, f"test/{controller}", 2).vkey == second.vkey
    keys.create(controller + "-x", "test/other")
    assert keys.public(controller, f"test/{controller}") == {1: first.vkey, 2: second.vkey}


@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_a_key_whose_making_crashed_is_made_by_asking_again_and_once(
    keys: LogKeys, controller: str, side: Side
) -> None:
    with failing(Write.LOG_KEY, side, Crash()), pytest.raises(Crash):
        keys.create(controller, f"test/{controller}", 2)
    left = keys.public(controller, f"test/{controller}").get(2)
    assert (left is not None) is (side is Side.AFTER)
    made = keys.create(controller, f"test/{controller}", 2)
    assert left in (None, made.vkey)
    assert keys.public(controller, f"test/{controller}") == {2: made.vkey}


def test_a_missing_key_is_said(keys: LogKeys, controller: str) -> None:
    with pytest.raises(Corrupt, match="restore it"):
        keys.load(controller, "test/x")
    assert keys.public(controller, "test/x") == {}


def test_neither_provider_nor_signer_tells(keys: LogKeys, controller: str) -> None:
    signer = keys.create(controller, f"test/{controller}")
    for held in (signer, keys):
        assert PIN not in repr(held)
    with pytest.raises(TypeError):
        pickle.dumps(signer)
    if isinstance(keys, KeyFiles):
        path = next(iter((keys._directory).glob("*.key")))
        assert path.read_bytes().hex() not in repr(signer)
        assert path.stat().st_mode & 0o077 == 0


def test_the_private_key_never_leaves_the_token(controller: str, token: Path) -> None:
    token_keys().create(controller, f"test/{controller}")
    session = pkcs11_lib(str(module())).get_token(token_label=LABEL).open()  # this process is logged in already
    label = f"placet-log-{controller}.1"
    private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
    assert (private[Attribute.SENSITIVE], private[Attribute.EXTRACTABLE]) == (True, False)
    with pytest.raises(AttributeSensitive):
        private[Attribute.VALUE]
    session.close()


def test_a_token_that_is_not_there_is_unavailable(controller: str) -> None:
    with pytest.raises(KeysUnavailable) as caught:
        token_keys(label="no-such-token").load(controller, f"test/{controller}")
    assert PIN not in caught.value.message


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library's, of the lost session
def test_a_lost_session_is_opened_again(controller: str) -> None:
    keys = token_keys()
    signer = keys.create(controller, f"test/{controller}")
    keys._session.close()  # type: ignore[union-attr]
    with pytest.raises(KeysUnavailable):
        signer.sign(b"x\n")
    assert Verifier(signer.vkey).verify(b"x\n", signer.sign(b"x\n"))


def test_without_the_library_the_tests_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_PLACES", ("/nowhere",))
    with pytest.raises(AssertionError, match="apt-get install softhsm2"):
        module()


@pytest.mark.parametrize(
    "given",
    [
        {"pkcs11_token": LABEL, "pkcs11_pin": PIN},
        {"pkcs11_module": "/m.so", "pkcs11_pin": PIN},
        {"pkcs11_module": "/m.so", "pkcs11_token": LABEL},
        {"pkcs11_module": "/m.so", "pkcs11_token": LABEL, "pkcs11_pin": PIN, "pkcs11_pin_file": "/p"},
    ],
)
def test_half_a_configuration_stops_the_start(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="PLACET_PKCS11") as caught:
        KeySettings(key_provider="pkcs11", **given)  # type: ignore[arg-type]
    assert PIN not in str(caught.value)


def test_a_log_is_signed_by_the_token_rotated_and_checked_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = token_keys()
    rig = Rig(tmp_path, keys=keys, controller="hsm")
    basis = rig.grant()
    first = rig.event(basis).results[0].index
    before = rig.sequencer.snapshot().bundle(first)
    new = rig.rotate()
    rig.now += 1
    second = rig.event(basis).results[0].index
    after = rig.sequencer.snapshot().bundle(second)
    assert verify_bundle(before, [Verifier.parse(rig.log.vkey)]).verdict == "allow"
    assert verify_bundle(after, [Verifier.parse(new.vkey)]).verdict == "allow"
    rig.restart()
    log = rig.logs.find("hsm")
    assert log is not None
    assert fsck(rig.engines, log, keys=keys, vkey=new.vkey, progress=lambda *_: None) == []
    rig.close()
    assert not (tmp_path / "keys").exists()
    environment = {
        "PLACET_KEY_PROVIDER": "pkcs11",
        "PLACET_PKCS11_MODULE": str(module()),
        "PLACET_PKCS11_TOKEN": LABEL,
    }
    done = placet_fsck(tmp_path, environment | {"PLACET_PKCS11_PIN": PIN})
    assert done.returncode == 0, done.stdout
    refused = placet_fsck(tmp_path, environment | {"PLACET_PKCS11_PIN": "wrong"})
    assert refused.returncode == 1
    assert "PinIncorrect" in refused.stdout
    assert "wrong" not in refused.stdout


def placet_fsck(data: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `placet ledger fsck` as a process of its own."""
    command = [str(Path(sys.executable).parent / "placet"), "ledger", "fsck", "--data", str(data)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_the_provider_is_redacted() -> None:
    keys = TokenKeys(module(), LABEL, token_keys()._pin)
    assert PIN not in repr(keys)
    with pytest.raises(TypeError):
        pickle.dumps(keys)
