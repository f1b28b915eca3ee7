"""Run what `make scale` asks for: see the package's docstring."""

from __future__ import annotations

import argparse

from bench.scale import kills, speed

WANTED = 1.7


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--answers", type=int, default=200_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--concurrency", type=int, default=1, help="calls under way at a time, per worker")
    parser.add_argument(
        "--limit",
        type=int,
        default=0,
        help="the workers under a vendor that takes so many calls in ten seconds",
    )
    parser.add_argument("--kills", type=int, default=0, help="kill so many processes instead")
    parser.add_argument("--customers", type=int, default=300, help="of the town in which they are killed")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.kills:
        last = ""
        for last in kills.kill(options.kills, customers=options.customers, seed=options.seed):
            print(last, flush=True)
        return 0 if last.startswith("0 ") else 1
    if options.limit:
        workers = options.workers[-1]
        customers = options.answers * 4 // 5
        limited = speed.measure(options.answers, customers, workers, options.concurrency, options.limit)
        print(limited, flush=True)
        return 1 if limited.wrong or limited.refused else 0
    measured = []
    for workers in options.workers:
        measured.append(
            speed.measure(options.answers, options.answers * 4 // 5, workers, options.concurrency)
        )
        print(measured[-1], flush=True)
    ratio = measured[-1].rate / measured[0].rate
    print(f"{measured[-1].workers} workers at {ratio:.2f} x the rate of {measured[0].workers}", flush=True)
    wrong = any(one.wrong for one in measured)
    return 1 if wrong or (measured[-1].workers == 2 * measured[0].workers and ratio < WANTED) else 0


if __name__ == "__main__":
    raise SystemExit(main())
