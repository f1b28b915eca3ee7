"""`python -m bench.crash`: the real process, killed (SIGKILL) at every point where it touches the world, and restarted.

A point, here a *boundary*, is: before and after the commit of every transaction of the store; before every call leaves,
when it has left, and when its answer is there but nobody has seen it yet. A run without a kill counts them. Then, for
each of them, the same run on the same town is killed there, started again until it is settled, and judged:

- the CRM saw every change of a field once, and each of them is in the journal, confirmed, with its before and after;
- what the journal calls written, the CRM saw;
- every answer is in exactly one state, the one it has without a kill; the totals balance; nothing is left open;
- at no kill was the cursor ahead of the stored answers, and reading goes on from it;
- nothing was sent a second time but what lay in an open batch;
- every record shows what `bench/by_hand.py` works out.

`--without-journal` commits no intents, and must fail.

    town.py        a sandbox that is copied for every kill (fork), so that each finds the same town
    nursery.py     forks the processes that are to die; boundaries.py counts in them, and kills
    scenarios.py   the town's people, the configurations, what is run
    harness.py     one kill and its restarts; verdict.py judges them
"""
