"""The database backend for SQLite that studio/settings.py uses."""

import sqlite3


class Connection(sqlite3.Connection):
    """A new database gives freed space back in small steps. That is set once, for the setting takes the lock of writers, and
    readers must be able to connect while another process holds it.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.execute("PRAGMA page_count").fetchone()[0]:
            self.execute("PRAGMA auto_vacuum=INCREMENTAL")
