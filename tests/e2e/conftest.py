"""The whole mesh as processes, once for a test module; two controllers whose registers are filled."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from e2e.bare import Bare, bare, furnish

from placet.local.mesh import Mesh


@dataclass(frozen=True)
class World:
    """A running mesh with a bank and a shop."""

    mesh: Mesh
    bank: Bare
    shop: Bare
    notice: bytes
    vkey: str

    def token(self, controller: str, *roles: str, sub: str = "someone") -> str:
        return self.mesh.issuer.mint(sub, [controller], roles)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Start everything; stop everything."""
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), settings=None)
    async with mesh:
        bank_files = await mesh.create_controller("bank")
        shop_files = await mesh.create_controller("shop")
        bank = bare(mesh, "bank", bank_files.token_file.read_text().strip())
        shop = bare(mesh, "shop", shop_files.token_file.read_text().strip())
        notice = await furnish(bank)
        await furnish(shop)
        yield World(mesh, bank, shop, notice, bank_files.vkey)


os.environ.setdefault("GRPC_VERBOSITY", "NONE")
