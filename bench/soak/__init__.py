"""`python -m bench.soak --runs 200 --seed 7`: random faults, run after run, and the truth held against every record.

One sandbox lives through all of it. Before each run people answer, think again, withdraw, edit CRM records and merge
them (life.py), and something else goes wrong (trouble.py); now and then the run is killed (processes.py). After
every ten runs the faults are lifted, the syncs run until nothing is pending, and every record of both CRMs is held
against by_hand.py (checks.py). Exit code 1 when anything was lost, doubled or wrong.
"""
