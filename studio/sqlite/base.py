"""Django's backend for SQLite, with less work for each statement."""

import functools
import sqlite3

from django.db.backends.sqlite3 import base

# Longer statements have values for many rows, and few of them are sent twice.
SHORT, MAX_STATEMENTS = 4_000, 500


class SqliteConnection(sqlite3.Connection):
    """Sets up a new database to release freed space in small steps. This is set only once, because it takes the lock of
    writers, and readers must be able to connect while another process has it.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.execute("PRAGMA page_count").fetchone()[0]:
            self.execute("PRAGMA auto_vacuum=INCREMENTAL")


@functools.lru_cache(MAX_STATEMENTS)
def _convert_short(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class SqliteCursor(base.SQLiteCursorWrapper):
    """Remembers statements with SQLite's placeholders: for short ones, replacing them takes longer than running them."""

    def convert_query(self, query, *, param_names=None):
        if param_names is None and len(query) <= SHORT:
            return _convert_short(query)
        return super().convert_query(query, param_names=param_names)


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self):
        return {"factory": SqliteConnection, **super().get_connection_params()}

    def create_cursor(self, name=None):
        return self.connection.cursor(factory=SqliteCursor)

    def prepared_cursor(self):
        """As studio/postgresql/base.py; SQLite's driver prepares all statements."""
        return self.cursor()

    def packed_cursor(self):
        """As studio/postgresql/base.py."""
        return self.cursor()

    def _cursor(self, name=None):
        """Without the checks that only a new or an unused connection needs: each statement has a cursor."""
        if self.connection is None or self.queries_logged:
            return super()._cursor(name)
        self.validate_thread_sharing()
        return self.make_cursor(self.create_cursor(name))
