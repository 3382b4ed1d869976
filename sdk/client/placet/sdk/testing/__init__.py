"""For your own tests: a whole mesh on this machine, started in a few seconds, gone without a trace.

    with start_mesh() as mesh, mesh.client("shop") as placet:
        placet.put_site(...)

Everything runs as in production, in processes of its own, on 127.0.0.1 with keys made afresh; only the tokens are
minted here. Needs the distribution placet-local. Never for production.
"""

from placet.sdk.testing.mesh import RunningMesh, start_mesh

__all__ = ("RunningMesh", "start_mesh")
