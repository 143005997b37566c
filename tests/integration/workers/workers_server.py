"""A counting HTTP server: ``workers_server.py HOST`` prints its port; ``/_stats`` tells."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

received: Counter[str] = Counter()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split()[1].decode()
            body = b"fine"
            if path == "/_stats":
                body = json.dumps(received).encode()
            else:
                received[path] += 1
            writer.write(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(host: str) -> None:
    server = await asyncio.start_server(serve, host, 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
