"""Key lists with cached statements: Django takes longer to write the joins of a search than SQLite to run it."""

from django.core.exceptions import EmptyResultSet

from studio.database import prepared_cursor


class CompiledKeys:
    """The result of `queryset.values_list("pk", flat=True)`, for `concatenated.take_rows`: it can be sliced and
    counted.

    Only the statement is cached, with its values; rows are read each time.
    """

    def __init__(self, queryset):
        try:
            self.sql, self.params = queryset.values_list("pk").query.sql_with_params()
        except EmptyResultSet:
            self.sql, self.params = "", ()

    def __getitem__(self, wanted: slice) -> list[int]:
        return self._keys(f"{self.sql} LIMIT {int(wanted.stop - wanted.start)} OFFSET {int(wanted.start)}")

    def count(self) -> int:
        return next(iter(self._keys(f"SELECT COUNT(*) FROM ({self.sql}) found")), 0)

    def _keys(self, sql: str) -> list[int]:
        if not self.sql:
            return []
        with prepared_cursor() as cursor:
            cursor.execute(sql, self.params)
            return [row[0] for row in cursor.fetchall()]
