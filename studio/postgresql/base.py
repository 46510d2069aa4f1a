"""Django's backend for PostgreSQL, with fewer round trips: to another machine, each takes longer than one of our
statements."""

import contextlib
import select

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction

PREPARE_AFTER = 3


class Cursor(base.Cursor):
    """A cursor for pipelines, in which the number of rows is known only after the result was read."""

    @property
    def rowcount(self):
        self._fetch_pipeline()
        return super().rowcount


class PreparedCursor(base.ServerBindingCursor):
    """Sends values beside the statement. psycopg prepares a statement once it was sent PREPARE_AFTER times."""

    @property
    def rowcount(self):
        self._fetch_pipeline()
        return super().rowcount


class PackedCursor(base.ServerBindingCursor):
    """Receives numbers and bytes as the server has them, not as text. The values are written into the statement, as Django's
    own cursors do."""

    def execute(self, query, params=None):
        text = psycopg.ClientCursor(self.connection).mogrify(query, params) if params else query
        return super().execute(text, binary=True, prepare=False)


class DatabaseWrapper(base.DatabaseWrapper):
    wants_pipeline = False

    def get_connection_params(self):
        # Django's own cursors prepare nothing: they write the values into the statements.
        params = {**super().get_connection_params(), "prepare_threshold": PREPARE_AFTER}
        return {**params, "cursor_factory": Cursor} if params["cursor_factory"] is base.Cursor else params

    def prepared_cursor(self):
        """For statements that are sent again and again: planning one takes the server up to five times as long as running it."""
        if self.queries_logged:
            # The log shows statements with their values.
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(PreparedCursor(self.connection))

    def packed_cursor(self):
        """For a few rows with long vectors or files."""
        if self.queries_logged:
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(PackedCursor(self.connection))

    def is_usable(self):
        """Whether the connection is open, without Django's statement: a closed connection has unread data."""
        if self.connection is None or self.connection.closed:
            return False
        said = select.poll()
        said.register(self.connection.pgconn.socket, select.POLLIN)
        return not said.poll(0) or super().is_usable()

    def read_again(self, statements: list[tuple]) -> list[list]:
        """The rows of each, in one round trip. The server plans a statement once, whatever its values."""
        self.ensure_connection()
        with self.wrap_database_errors, self.connection.pipeline():
            cursors = [psycopg.Cursor(self.connection).execute(*one, prepare=True) for one in statements]
            return [cursor.fetchall() for cursor in cursors]

    @contextlib.contextmanager
    def pipeline(self):
        """In the transaction that begins inside, statements are sent without a wait for those before them, until an answer is
        read. psycopg stays in autocommit meanwhile: it waits for the answer to its own BEGIN, and again after its COMMIT."""
        self.wants_pipeline = True
        try:
            yield
        finally:
            self.wants_pipeline = False

    def _set_autocommit(self, autocommit):
        if autocommit and self.connection.autocommit:
            return
        if autocommit or not self.wants_pipeline:
            super()._set_autocommit(autocommit)
            return
        with self.wrap_database_errors:
            self._open_pipeline = contextlib.ExitStack()
            self._open_pipeline.enter_context(self.connection.pipeline())
            self.connection.execute("BEGIN")

    def _commit(self):
        if self.connection is None or not self.connection.autocommit:
            return super()._commit()
        with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
            self.connection.execute("COMMIT")
            self._open_pipeline.close()

    def _rollback(self):
        if self.connection is None or not self.connection.autocommit:
            return super()._rollback()
        # Errors of the pipeline were raised where a result was read, or at the COMMIT.
        with contextlib.suppress(psycopg.Error):
            self._open_pipeline.close()
        with debug_transaction(self, "ROLLBACK"), self.wrap_database_errors:
            self.connection.execute("ROLLBACK")
