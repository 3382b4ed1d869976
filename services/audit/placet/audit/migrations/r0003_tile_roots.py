"""Revision 0003: the roots of the tiles stand together in an index.

A tile's row has 8 KB, and rows of one level are far apart in a long log. Whoever reads the right edge of the tree (a
restart, a cold proof) needs up to 255 roots of a level and not one hash of those tiles: at 10,000,000 entries that was
a read of the disk for each. Docs/performance.md has the figures.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index, unless it is there."""
    op.create_index("tile_roots", "tile", ["log", "level", "number", "root"], if_not_exists=True)
