"""Listen on this machine's loopback and connect from inside another network namespace, to the same addresses there.

    python -I -S forward.py NAMESPACE_FILE HOST:PORT ...

A socket belongs to the namespace it was made in, for ever. So the listening ones are made first, then this process moves, and whatever it
connects to from then on is in there. Nothing is routed between the two, and no address or rule is added to the machine's own network.

Standard library only and no imports from this package, as the guard that runs it.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
CHUNK = 1 << 18


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything one side says, and then that it has said everything."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def serve(listener: socket.socket) -> None:
    """Pass on every connection to the address it was made to, in the other namespace."""
    host, port = listener.getsockname()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(host, port)
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
            far_writer.close()
        writer.close()

    server = await asyncio.start_server(connected, sock=listener)
    await server.serve_forever()


async def main(namespace: str, addresses: list[str]) -> None:
    """Listen here, move there, serve."""
    listeners = []
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            listeners.append(socket.create_server((host, int(port)), backlog=512))
        except OSError as error:
            sys.exit(f"{address}: {os.strerror(error.errno or 0).lower()}")
    descriptor = os.open(namespace, os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        sys.exit(f"cannot enter {namespace}: {os.strerror(ctypes.get_errno())}")
    await asyncio.gather(*map(serve, listeners))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
