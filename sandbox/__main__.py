"""`python -m sandbox`: start the toy vendors and print where they are.

The first line of standard output is one JSON object, `{"ready": true, "url": …, "env": {…}}`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import re
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
import uvicorn

from sandbox.profiles import described, rules_of
from sandbox.server import Options, Sandbox
from sandbox.vendors import VENDORS
from sandbox.vendors import described as vendors_described
from sandbox.world import midnight


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    options = Options(
        customers=args.customers,
        responses=args.customers * 3 // 2 if args.responses is None else args.responses,
        seed=args.seed,
        ugly=args.ugly,
        faults=args.faults,
        latency=args.latency,
        pages=not args.no_pages,
        until=args.until,
        limits=_limits([*args.limit, f"mail.port={args.smtp_port}"]),
        vendors=tuple(args.vendor or VENDORS),
        host=args.host,
    )
    listener = socket.create_server((args.host, args.port), backlog=512)
    # A reply leaves as head and body; without this the body would wait 40 ms for the client's delayed ACK. asyncio
    # sets it only on sockets that name their protocol, and these do not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://{args.host}:{listener.getsockname()[1]}"
    gc.disable()
    sandbox = Sandbox(options)
    gc.freeze()  # a hundred thousand records live as long as we do: never look through them again
    gc.enable()
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    config = uvicorn.Config(
        sandbox, access_log=False, log_level="error", timeout_graceful_shutdown=1, timeout_keep_alive=120
    )
    server = uvicorn.Server(config)
    for stop in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has stopped; by then there is nothing left to do.
        signal.signal(stop, lambda *_: None)
    if args.with_parent:
        threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
    asyncio.run(_serve(server, listener, url, sandbox))
    return 0


async def _serve(server: uvicorn.Server, listener: socket.socket, url: str, sandbox: Sandbox) -> None:
    await sandbox.start()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        _announce(url, sandbox.env(url))
    await serving
    await sandbox.stop()


def _announce(url: str, env: dict[str, str]) -> None:
    print(orjson.dumps({"ready": True, "url": url, "env": env}).decode(), flush=True)
    if not sys.stdout.isatty():
        return
    print(f"\nThe toy vendors are up. Look at them: {url}\n{vendors_described()}")
    print("\nFor the terminal where npsync runs:\n")
    for name, value in env.items():
        print(f"  export {name}={shlex.quote(value)}")
    print("\nCtrl-C stops them; what they remember is gone then.", flush=True)


def _stop_with_parent(server: uvicorn.Server) -> None:
    """Standard input ends when whoever started us is gone."""
    while os.read(sys.stdin.fileno(), 4096):  # not sys.stdin.read: its lock would trip Python's own shutdown
        pass
    server.should_exit = True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="Toy vendors over real HTTP and SMTP, on this machine only.",
        epilog=f"vendors:\n{vendors_described()}\n\nfault profiles:\n{described()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=int, default=8600, help="0 picks a free one (default: 8600)")
    parser.add_argument("--smtp-port", type=int, default=0, help="of the inbox (default: a free one)")
    parser.add_argument("--customers", type=int, default=1000, help="people in the world (default: 1000)")
    parser.add_argument(
        "--responses", type=int, help="survey answers (default: half as many again as customers)"
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same world (default: 7)")
    parser.add_argument("--ugly", type=_share, default=0.02, help="share of awkward data (default: 2%%)")
    parser.add_argument(
        "--faults",
        type=_profiles,
        default="none",
        help="what goes wrong by itself: profiles of the list below, with commas between",
    )
    parser.add_argument("--latency", type=_seconds, default=0.0, help="before every vendor reply, e.g. 50ms")
    parser.add_argument(
        "--until", type=_moment, default=midnight(), help="answers end here (default: midnight of today, UTC)"
    )
    parser.add_argument(
        "--limit", action="append", default=[], help="e.g. salesforce.daily=1000; may be repeated"
    )
    parser.add_argument("--vendor", action="append", choices=VENDORS, help="only this one; may be repeated")
    parser.add_argument(
        "--no-pages", action="store_true", help="no pages for people, no history kept for them"
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    return parser


def _profiles(text: str) -> str:
    try:
        list(rules_of(text))
    except ValueError as unknown:
        raise argparse.ArgumentTypeError(str(unknown)) from unknown
    return text


def _share(text: str) -> float:
    share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"a share is 0% to 100%, got {text}")
    return share


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"a latency looks like 50ms or 1.5s, got {text}")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _limits(texts: Sequence[str]) -> dict[str, dict[str, int]]:
    limits: dict[str, dict[str, int]] = {}
    for text in texts:
        found = re.fullmatch(r"(\w+)\.(\w+)=(\d+)", text)
        if not found:
            raise SystemExit(f"sandbox: --limit looks like salesforce.daily=1000, got {text}")
        limits.setdefault(found[1], {})[found[2]] = int(found[3])
    return limits


if __name__ == "__main__":
    sys.exit(main())
