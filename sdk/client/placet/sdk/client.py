"""The two clients: `AsyncClient`, and `Client` with the same methods for code without an event loop.

Owns how the areas are put together and how the blocking one runs them. A test compares the two method by method.
"""

from placet.sdk.aio.faces import Faces


class AsyncClient(Faces):
    """One controller's client, for asyncio. Use it on one event loop, as an async context manager."""
