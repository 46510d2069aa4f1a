"""`python -m studio.up`: one command that brings the whole studio up and, ended, takes it all down.

    preflight.py   what would stop the start, said before anything is started
    children.py    one process: started, watched, restarted, ended
    supervisor.py  all of them, in order; one loop, no threads but the one that waits for the first page
    console.py     the one stream of lines that a person reads

Nothing here imports Django: the supervisor stays small, and what needs the database runs in a child.
"""
