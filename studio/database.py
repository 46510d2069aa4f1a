"""Transactions that write."""

import contextlib
import fcntl

from django.db import connection, transaction


@contextlib.contextmanager
def begin_write():
    """A transaction for what is written often. Writers of a SQLite file stand in a queue for it.

    SQLite itself lets those who wait sleep and look again, which leaves the database idle between two writers: with eight of
    them in two processes a queue stores a third more, and the others wait a third as long.
    """
    with _queue(), transaction.atomic():
        yield


def _queue():
    # Who is in a transaction has had its turn; to wait here would be to wait for someone who waits for it.
    if connection.vendor != "sqlite" or connection.in_atomic_block or connection.is_in_memory_db():
        return contextlib.nullcontext()
    return _turn(f"{connection.settings_dict['NAME']}-queue")


@contextlib.contextmanager
def _turn(path: str):
    # Opened each time, so that threads wait for each other as processes do. Closing it ends the turn.
    with open(path, "ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
