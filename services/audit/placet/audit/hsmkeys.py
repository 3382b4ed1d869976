"""The signing keys of the logs in a hardware module, over PKCS#11 (v3.0 sections 2.3.4 and 2.3.14: CKM_EDDSA).

A key pair is made inside the token, sensitive and not extractable; only texts to sign go in, and only signatures and
public keys come out. Its label is `placet-log-<controller>.<n>`, which is what finds it again. One session is kept and
opened anew after a failure; logs are opened in threads of their own, so a lock keeps it to one of them at a time.
`placet.audit.ports.LogKeys`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import MultipleObjectsReturned, NoSuchKey, PKCS11Error, UserAlreadyLoggedIn
from pkcs11.util.ec import encode_named_curve_parameters

from placet.audit.errors import Corrupt, KeysUnavailable
from placet.kit.failpoints import Write
from placet.kit.security.redacted import Redacted, SecretStr
from placet.tlog.note import KeyType as NoteKeyType
from placet.tlog.note import NoteSigner, Vkey

ED25519_OID: Final = "1.3.101.112"
KEY_SIZE: Final = 32


class TokenSigner(Redacted):
    """A key in the token, of which this process knows only the public half."""

    __slots__ = ("_sign", "vkey")
    shown = ("vkey",)

    def __init__(self, vkey: Vkey, sign: Callable[[bytes], bytes]) -> None:
        self.vkey = vkey
        self._sign = sign

    def sign(self, text: bytes) -> bytes:
        """Return the 64-byte signature over `text`; raises KeysUnavailable."""
        return self._sign(text)


class TokenKeys(Redacted):
    """`LogKeys` in the token with this label, of the module (a shared library) at this path."""

    __slots__ = ("_lock", "_module", "_pin", "_session", "_token")
    shown = ("_module", "_token")

    def __init__(self, module: Path, token: str, pin: SecretStr) -> None:
        self._module = module
        self._token = token
        self._pin = pin
        self._session: pkcs11.Session | None = None
        self._lock = Lock()

    def create(self, controller: str, origin: str, number: int = 1) -> NoteSigner:
        """Return the signer, making its key pair in the token if there is none yet."""
        label = _label(controller, number)
        with self._using() as session:
            if not self._objects(session, ObjectClass.PUBLIC_KEY, label):
                with Write.LOG_KEY:
                    _generate(session, label)
        return self.load(controller, origin, number)

    def load(self, controller: str, origin: str, number: int = 1) -> NoteSigner:
        """Return the signer; raises Corrupt if the token has no such key, KeysUnavailable if it does not answer."""
        label = _label(controller, number)
        with self._using() as session:
            _one(session, ObjectClass.PRIVATE_KEY, label)
            public = _one(session, ObjectClass.PUBLIC_KEY, label)[Attribute.EC_POINT][-KEY_SIZE:]
        vkey = Vkey(name=origin, key_type=NoteKeyType.ED25519, public_key=bytes(public))
        return TokenSigner(vkey, lambda text: self._sign(label, text))

    def public(self, controller: str, origin: str) -> dict[int, Vkey]:
        """Return the verifier keys of a controller's log that the token has, by number."""
        prefix = _label(controller, 0)[:-1]
        with self._using() as session:
            labels = [found[Attribute.LABEL] for found in self._objects(session, ObjectClass.PUBLIC_KEY)]
        numbers = sorted(int(label.removeprefix(prefix)) for label in labels if label.startswith(prefix))
        return {number: self.load(controller, origin, number).vkey for number in numbers}

    def _sign(self, label: str, text: bytes) -> bytes:
        with self._using() as session:
            signature: bytes = _one(session, ObjectClass.PRIVATE_KEY, label).sign(text, mechanism=Mechanism.EDDSA)
        return signature

    @staticmethod
    def _objects(session: pkcs11.Session, kind: ObjectClass, label: str | None = None) -> list[pkcs11.Object]:
        wanted: dict[Attribute, object] = {Attribute.CLASS: kind, Attribute.KEY_TYPE: KeyType.EC_EDWARDS}
        if label is not None:
            wanted[Attribute.LABEL] = label
        return list(session.get_objects(wanted))

    @contextmanager
    def _using(self) -> Iterator[pkcs11.Session]:
        with self._lock:
            try:
                if self._session is None:
                    self._session = self._open()
                yield self._session
            except (PKCS11Error, RuntimeError, OSError) as error:
                self._forget()
                raise KeysUnavailable(self._token, type(error).__name__) from None

    def _open(self) -> pkcs11.Session:
        token = pkcs11.lib(str(self._module)).get_token(token_label=self._token)
        try:
            return token.open(rw=True, user_pin=self._pin.reveal())
        except UserAlreadyLoggedIn:  # a process is logged in to a token once, for all its sessions
            return token.open(rw=True)

    def _forget(self) -> None:
        """Close the session, if it still can be: the next call opens another."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(PKCS11Error):
                session.close()


def _generate(session: pkcs11.Session, label: str) -> None:
    parameters = session.create_domain_parameters(
        KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: encode_named_curve_parameters(ED25519_OID)}, local=True
    )
    parameters.generate_keypair(
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        label=label,
        id=label.encode(),
        store=True,
        private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True},
    )


def _one(session: pkcs11.Session, kind: ObjectClass, label: str) -> Any:
    try:
        return session.get_key(object_class=kind, key_type=KeyType.EC_EDWARDS, label=label)
    except (NoSuchKey, MultipleObjectsReturned):
        raise Corrupt(f"the token has not exactly one key {label}; restore it from the backup") from None


def _label(controller: str, number: int) -> str:
    return f"placet-log-{controller}.{number}"
