"""An empty grpc.aio echo server in a process of its own: the yardstick. Prints its port, serves until its input
closes.
"""

import asyncio
import sys

import grpc.aio
import uvloop

METHOD = "/placet.bench.Echo/Echo"


async def _echo(request: bytes, _context: object) -> bytes:
    return request


async def serve() -> None:
    """Serve on a free port of this machine until standard input closes."""
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
