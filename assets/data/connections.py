"""Testing the connection of a datastore."""

import tempfile

from assets.data import databases, reading, share_files
from assets.data.models import Datastore
from assets.data.reading import LocalCopy, SourceFile

QUERY = {"type": "read_sql", "query": "SELECT 1 AS one", "query_timeout": 5}


def test_connection(row: Datastore) -> None:
    """Test the connection with one request; raises the errors of any other request."""
    if not row.is_database:
        share_files.open_files(row).list_folder()
        return
    connection = databases.build_connection(row)
    with tempfile.TemporaryDirectory(prefix="lazuli-query-") as folder:
        copy = LocalCopy(f"{folder}/rows.parquet", SourceFile("The query", None), True, connection)
        reading.read_copies({"kind": "tabular", "paths": [], "steps": [QUERY]}, [copy], act="rows", limit=1)
