"""The gateway's composition root: the only file that knows all others."""

from placet.gateway.client import AuditClient, Tls
from placet.gateway.serving import http_server, listen
from placet.gateway.settings import Settings
from placet.gateway.web import create_app
from placet.kit.app import Stack


async def main(stack: Stack[Settings]) -> None:
    """Start the gateway."""
    settings = stack.settings
    guard = await stack.guard()
    audit = await stack.enter(AuditClient(settings.audit, timeout=settings.max_deadline, tls=_tls(settings)))
    app = create_app(
        audit,
        guard.verifier,
        new_error_id=guard.new_error_id,
        metrics=stack.metrics,
        max_concurrent=settings.max_concurrent,
    )
    bound = listen(settings.host, settings.port)
    server = http_server(app, settings)
    serving = stack.spawn(server.serve(sockets=[bound]), name="http")

    async def stop() -> None:
        server.should_exit = True
        await serving

    stack.on_stop(stop)
    await server.serving.wait()
    stack.ready(http=f"{settings.host}:{bound.getsockname()[1]}")


def _tls(settings: Settings) -> Tls | None:
    if settings.audit_ca is None:
        return None
    return Tls(ca=settings.audit_ca, certificate=settings.audit_cert, key=settings.audit_key)
