"""A small HTTP server that counts for itself: ``load_server.py [HOST]`` prints its port.

``/ok`` ``/fail`` (503) ``/slow/SECONDS`` ``/wait/SECONDS`` ``/redirect?to=URL``; anything else is
200. ``/_stats`` (not counted) says what was received and answered, by path and by traceparent.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from urllib.parse import unquote

received: Counter[str] = Counter()
answered: Counter[str] = Counter()
traces: list[str] = []


async def respond(path: str) -> tuple[int, bytes, bytes]:
    if path == "/_stats":
        stats = {"received": received, "answered": answered, "traces": traces[-50:]}
        return 200, b"", json.dumps(stats).encode()
    plain = path.partition("?")[0]
    received[plain] += 1
    if plain.startswith(("/slow/", "/wait/")):
        await asyncio.sleep(float(plain.split("/")[2]))
    if plain == "/redirect":
        target = unquote(path.partition("to=")[2]).encode()
        return 302, b"Location: " + target + b"\r\n", b""
    return (503 if plain == "/fail" else 200), b"", b'{"fine": true}'


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"(?i)content-length: *(\d+)", head)
            if length:
                await reader.readexactly(int(length[1]))
            trace = re.search(r"(?i)traceparent: *(\S+)", head)
            if trace:
                traces.append(trace[1])
            path = head.split()[1]
            status, extra, body = await respond(path)
            writer.write(
                b"HTTP/1.1 %d X\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % (status, extra, len(body))
                + body
            )
            await writer.drain()
            if path != "/_stats":
                answered[path.partition("?")[0]] += 1
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(host: str) -> None:
    server = await asyncio.start_server(serve, host, 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"))
