"""`python -m bench.soak_serve --minutes 30`: `npsync serve` as a company leaves it running, and what happens to it.

Four syncs run every minute or two, two of them by cron, one is verified every five. People answer, think again and
withdraw; cases are closed and features used, so that mails go out and are answered on our own page (life.py).
Signed-in people look at every page of the dashboard, machines ask the API (visitors.py). Vendors stumble
(bench/soak/trouble.py). Operators pause, resume, run now, break the YAML and put it right again, ask for a reload, and
restart serve once in the middle (operators.py). At the end everything must be right: see checks.py. One line per check;
exit code 1 when one failed.
"""
