"""A sandbox that is made once and copied, by fork, for every kill: each finds the same town.

A line of JSON comes in for every command, a line of JSON goes out.

{"add": [vendor, object, fields]}           → {"id": …}         as a person does, before anybody serves it
{"change": [vendor, object, id, fields]}    → {}
{"serve": true}                             → {"url", "env", "pid"}   a copy of the town as it is, over HTTP
{"stop": pid}                               → {}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from typing import Any

import uvicorn

from sandbox.server import Options, Sandbox


def main() -> None:
    # A client that died in the middle of a call is what this is about, and no error of the toys.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    sandbox = Sandbox(Options(customers=1, responses=0, ugly=0, limits={"salesforce": {"bulk_polls": 1}}))
    serving: set[int] = set()
    try:
        for line in sys.stdin:
            print(json.dumps(_done(sandbox, json.loads(line), serving)), flush=True)
    finally:
        for pid in serving:
            os.kill(pid, signal.SIGKILL)


def _done(sandbox: Sandbox, asked: dict[str, Any], serving: set[int]) -> dict[str, Any]:
    match asked:
        case {"add": [str(vendor), str(object), dict(fields)]}:
            return {"id": sandbox.toys[vendor].add(object, fields)}
        case {"change": [str(vendor), str(object), str(id), dict(fields)]}:
            sandbox.toys[vendor].change(object, id, fields)
            return {}
        case {"serve": True}:
            copy = _served(sandbox)
            serving.add(copy["pid"])
            return copy
        case {"stop": int(pid)}:
            serving.discard(pid)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return {}
        case _:
            raise ValueError(f"not a command: {asked}")


def _served(sandbox: Sandbox) -> dict[str, Any]:
    """Fork a copy that serves on a port of its own."""
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(KeyboardInterrupt):
            os.close(ready)
            asyncio.run(_serve(sandbox, tell))
        os._exit(0)
    os.close(tell)
    with os.fdopen(ready, encoding="utf-8") as said:
        return {"pid": pid, **json.loads(said.read())}


async def _serve(sandbox: Sandbox, tell: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(sandbox, access_log=False, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    with os.fdopen(tell, "w", encoding="utf-8") as ready:  # connections wait in the backlog until it serves
        ready.write(json.dumps({"url": url, "env": sandbox.env(url)}))
    await serving


if __name__ == "__main__":
    main()
