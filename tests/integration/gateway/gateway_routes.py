"""Every route of the gateway, with an address that answers 200: the list that tests walk. A new route belongs here."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from integration.gateway.small_logs import Story

OPEN = ("/healthz", "/readyz")
DOCUMENT = "/openapi.json"
GUARDED = {
    "/v1/{controller}/events": "/v1/{controller}/events",
    "/v1/{controller}/events/{index}": "/v1/{controller}/events/{allowed}",
    "/v1/{controller}/events/{index}/bundle": "/v1/{controller}/events/{allowed}/bundle",
    "/v1/{controller}/entries/{index}": "/v1/{controller}/entries/{allowed}",
    "/v1/{controller}/checkpoint": "/v1/{controller}/checkpoint",
    "/v1/{controller}/consistency": "/v1/{controller}/consistency?old=2",
    "/log/{controller}/checkpoint": "/log/{controller}/checkpoint",
    "/log/{controller}/tile/{path}": "/log/{controller}/tile/entries/000.p/2",
}


def address(template: str, story: Story, controller: str = "bank") -> str:
    """An address of the route that answers 200 for that controller."""
    return GUARDED[template].format(controller=controller, **story.at)


def uncovered(app: FastAPI) -> set[str]:
    """Routes that the application has and this list has not, or the other way round; hidden ones included."""
    described: dict[str, Any] = app.openapi()["paths"]
    served = set(_paths(app.router))
    return (set(described) ^ (OPEN | GUARDED.keys())) | (served ^ (OPEN | GUARDED.keys() | {DOCUMENT}))


def _paths(router: Any) -> Iterator[str]:
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route.path_format
        else:
            yield from _paths(inner)


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """Every path and method of the OpenAPI document."""
    return [(path, method) for path, item in app.openapi()["paths"].items() for method in item]
