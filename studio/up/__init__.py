"""`python -m studio.up`: start the whole studio, and stop it at the end.

    preflight.py   checks before anything is started
    children.py    one process: start, watch, restart, stop
    supervisor.py  all processes, in order; one loop, and one thread that waits for the first page
    console.py     the output that a person reads

Nothing here imports Django: the supervisor stays small, and work on the database runs in a child process.
"""
