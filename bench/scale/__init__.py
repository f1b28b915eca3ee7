"""`python -m bench.scale`: real `npsync worker` processes on a real PostgreSQL. How much faster two of them finish a
first run than one (speed.py), and what is left when processes are killed at random, again and again (kills.py)."""
