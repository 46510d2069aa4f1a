"""SQLite's connections, as studio/settings.py asks Django for them."""

import sqlite3


class Connection(sqlite3.Connection):
    """A new database gives freed space back in small steps. That is set once, for the setting takes the lock of writers, and
    whoever only reads must be able to connect while somebody holds it.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.execute("PRAGMA page_count").fetchone()[0]:
            self.execute("PRAGMA auto_vacuum=INCREMENTAL")
