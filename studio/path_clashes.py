"""Paths at which no file can be stored, because one of them would be a file and a folder.

A few statements check as many paths as are stored together.
"""

from collections.abc import Sequence

from django.db import connection
from django.db.models import QuerySet

# Paths of one statement, because databases limit its values.
PATHS = 5000
# A range uses the index on every database; "0" follows "/".
BELOW = """
WITH folder(low, high) AS (VALUES {bounds})
SELECT folder.low FROM folder JOIN ({files}) AS file ON file.path > folder.low AND file.path < folder.high
WHERE substr(file.path, 1, length(folder.low)) = folder.low
LIMIT 1
"""


def list_folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def find_file(files: QuerySet, paths: Sequence[str]) -> str | None:
    """One of the paths that is a file."""
    for start in range(0, len(paths), PATHS):
        found = files.filter(path__in=paths[start : start + PATHS]).values_list("path", flat=True).first()
        if found is not None:
            return found
    return None


def find_folder(files: QuerySet, paths: Sequence[str]) -> str | None:
    """One of the paths that is a folder, because a file is below it."""
    sql, values = files.order_by().values("path").query.sql_with_params()
    for start in range(0, len(paths), PATHS):
        some = paths[start : start + PATHS]
        bounds = [bound for path in some for bound in (f"{path}/", f"{path}0")]
        with connection.cursor() as cursor:
            statement = BELOW.format(bounds=", ".join(["(%s, %s)"] * len(some)), files=sql)
            cursor.execute(statement, [*bounds, *values])
            row = cursor.fetchone()
        if row is not None:
            return row[0].removesuffix("/")
    return None
