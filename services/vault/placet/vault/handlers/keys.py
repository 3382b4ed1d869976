"""How a handler comes by a key: unwrapped for one call, overwritten after it.

Owns: making and opening controllers' keys and the data keys of bases.
Never: keeps an open key, wraps one key under two others. Hierarchy: vault.md section 3.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from placet.evidence.terms import BasisOrdinal
from placet.kit.security.redacted import SecretBytes
from placet.vault import crypto
from placet.vault.errors import StorageCorrupt
from placet.vault.ports import Ports
from placet.vault.template import ControllerKey, DataKey, KeyPurpose, WrappedKey

_FIRST = 1


@asynccontextmanager
async def request_key(controller: str, ports: Ports) -> AsyncIterator[SecretBytes]:
    """Lend the key of the controller's request digests; it is made at the first use."""
    row = await _newest(controller, KeyPurpose.REQUESTS, ports)
    with await ports.root.unwrap(row.wrapped) as key:
        yield key


@asynccontextmanager
async def data_key(controller: str, basis: BasisOrdinal, ports: Ports) -> AsyncIterator[tuple[DataKey, SecretBytes]]:
    """Lend the data key of a basis with its wrapped form; a new one, not yet stored, when the basis has none."""
    row = await ports.store.data_key(controller, basis)
    if row is None:
        with SecretBytes(ports.random(crypto.KEY_BYTES)) as key:
            yield await _wrapped(controller, basis, key, ports), key
        return
    with await _opened(row, ports) as key:
        yield row, key


async def _wrapped(controller: str, basis: BasisOrdinal, key: SecretBytes, ports: Ports) -> DataKey:
    above = await _newest(controller, KeyPurpose.TEMPLATES, ports)
    with await ports.root.unwrap(above.wrapped) as wrapping:
        blob = crypto.wrap(key, wrapping)
    return DataKey(controller=controller, basis=basis, wrapped=WrappedKey(version=above.version, blob=blob))


async def _opened(row: DataKey, ports: Ports) -> SecretBytes:
    above = await ports.store.controller_key_version(row.controller, KeyPurpose.TEMPLATES, row.wrapped.version)
    if above is None:
        raise StorageCorrupt("a controller's key")
    with await ports.root.unwrap(above.wrapped) as wrapping:
        return crypto.unwrap(row.wrapped.blob, wrapping, "a data key")


async def _newest(controller: str, purpose: KeyPurpose, ports: Ports) -> ControllerKey:
    known = await ports.store.controller_key(controller, purpose)
    if known is not None:
        return known
    with SecretBytes(ports.random(crypto.KEY_BYTES)) as key:
        wrapped = await ports.root.wrap(key)
    fresh = ControllerKey(controller=controller, purpose=purpose, version=_FIRST, wrapped=wrapped)
    return await ports.store.add_controller_key(fresh)
