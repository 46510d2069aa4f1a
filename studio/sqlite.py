"""The database backend for SQLite that studio/settings.py uses."""

import sqlite3


class SqliteConnection(sqlite3.Connection):
    """Sets up a new database to release freed space in small steps. This is set only once, because it takes the lock of
    writers, and readers must be able to connect while another process has it.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.execute("PRAGMA page_count").fetchone()[0]:
            self.execute("PRAGMA auto_vacuum=INCREMENTAL")
