"""Where the resources of one log's C2SP tree can be read: a folder, a gateway, a test's own."""

from typing import Protocol


class LogTree(Protocol):
    """One log's tree. What it returns is believed by nobody before it is proven."""

    @property
    def name(self) -> str:
        """What to call it in messages: a folder, an address."""

    def read(self, path: str) -> bytes:
        """Return the bytes of a resource: `checkpoint`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`.

        Raises NotFound if there is none, another PlacetError if it cannot be had.
        """
