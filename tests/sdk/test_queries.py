"""Tables from SQL queries: SQLite and PostgreSQL as datastores, what a query may do, and how its errors name the line."""

import contextlib
import os
import pathlib
import pwd
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

import duckdb
import psycopg
import pymysql
import pytest
from azureml.core import Dataset, Datastore
from azureml.data.azure_my_sql_datastore import AzureMySqlDatastore
from azureml.data.azure_postgre_sql_datastore import AzurePostgreSqlDatastore
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetValidationError
from azureml.data.dataset_factory import DataType
from azureml.exceptions import UserErrorException
from lazuli.data import queries
from lazuli.data.compiler import LocalFile
from lazuli.errors import NotAvailable

from accounts.actors import Actor
from accounts.models import User
from assets.data import databases, datasets, previews
from assets.models import Datastore as Row
from deploy import team_servers
from studio.errors import Denied


@pytest.fixture
def file(tmp_path, settings):
    settings.DATASTORE_ROOTS = [str(tmp_path)]
    path = tmp_path / "people.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE people (id INTEGER, age REAL, name TEXT, born TEXT)")
        rows = [(1, 21, "", "2020-01-01"), (2, None, None, "2020-01-02"), (3, 1.5, "c", "2020-01-03")]
        connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)
    return path


@pytest.fixture
def read(tmp_path):
    def read(connection, query, seconds=5, is_head=False):
        target = LocalFile(str(tmp_path / "rows.parquet"), "The query", is_head)
        queries.write_rows(connection, {"query": query, "query_timeout": seconds}, target)
        return duckdb.read_parquet(target.local)

    return read


def test_a_query_is_a_table_like_any_other(ws, file, capsys):
    store = Datastore.register_sqlite(ws, "people", str(file))
    wrong = Dataset.Tabular.from_sql_query((store, "SELECT * FROM people"), True, {"born": DataType.to_long()})
    wrong.register(ws, "wrong")
    assert "3 values do not have the type of the column and will be missing, the first in The query, row 1" in (
        capsys.readouterr().err
    )
    assert store.datastore_type == "Sqlite" and Datastore.get(ws, "people").name == "people"
    query = "SELECT *\nFROM people -- all\nORDER BY id"
    table = Dataset.Tabular.from_sql_query((store, query), False, {"born": DataType.to_datetime("%Y-%m-%d")}, 9)
    frame = table.filter(table["id"] > 1).to_pandas_dataframe()
    assert frame["id"].tolist() == [2, 3] and frame["name"].isna().tolist() == [True, False]
    kinds = [str(frame[name].dtype) for name in ("id", "age", "born")]
    assert kinds == ["int64", "float64", "datetime64[ns]"]
    table.register(ws, "all people")
    found = datasets.find_version(Row.objects.get(name="people").workspace, "all people")
    shown = previews.read_preview(found.workspace, found.definition)
    assert [row[0] for row in shown.rows] == ["1", "2", "3"] and "first 10,000 rows" in shown.note
    with pytest.raises(DatasetExecutionError, match=r"The query, line 2, column 3: no such column: agee"):
        Dataset.Tabular.from_sql_query((store, "SELECT id,\n  agee FROM people"))
    # Who may only read runs the queries of datasets, with other steps.
    bob, steps = Actor(User.objects.create_user("bob")), found.definition["steps"]
    datasets.check_query_allowed(
        bob, found.workspace, {**found.definition, "steps": [*steps, {"type": "take", "count": 1}]}
    )
    with pytest.raises(Denied, match="no dataset has"):
        datasets.check_query_allowed(
            bob, found.workspace, {**found.definition, "steps": [{**steps[0], "query": "SELECT 1"}]}
        )


def test_databases_and_files_are_not_mistaken_for_each_other(ws, file):
    store = Datastore.register_sqlite(ws, "people", str(file))
    with pytest.raises(UserErrorException, match="people is a database and has no files"):
        Dataset.File.from_files((store, "in"))
    with pytest.raises(UserErrorException, match="people is a database; read it with a query"):
        Dataset.File.from_files((store, "in"), validate=False).register(ws, "in")
    with pytest.raises(UserErrorException, match="workspaceblobstore is not a database"):
        Dataset.Tabular.from_sql_query((ws.get_default_datastore(), "SELECT 1"))
    with pytest.raises(DatasetValidationError, match="1 to 300 seconds"):
        Dataset.Tabular.from_sql_query((store, "SELECT 1"), query_timeout=301)
    with pytest.raises(UserErrorException, match=r"people is a database\. The default datastore stores files"):
        store.set_as_default()
    with pytest.raises(UserErrorException, match="not below a folder"):
        Datastore.register_sqlite(ws, "passwd", "/etc/passwd")
    with pytest.raises(NotAvailable, match=r"access to SQL Server.*register_pandas_dataframe"):
        Datastore.register_azure_sql_database(ws, "sql", "server", "database")


def test_the_password_of_a_database_is_not_shown(ws, settings, monkeypatch):
    settings.DATASTORE_HOSTS = ["localhost"]
    monkeypatch.setattr("assets.data.connections.test_connection", lambda row: None)
    given = {"database_name": "db", "user_id": "reader", "user_password": "hush"}
    with pytest.raises(UserErrorException, match="A site admin can allow a host by DATASTORE_HOSTS"):
        Datastore.register_azure_postgre_sql(ws, "private", "10.0.0.1", **given)
    store = Datastore.register_azure_postgre_sql(ws, "pg", "localhost", port_number=5433, enforce_ssl=False, **given)
    assert isinstance(store, AzurePostgreSqlDatastore) and store.user_password is None and store.port_number == 5433
    store = Datastore.register_azure_my_sql(ws, "my", "localhost", enforce_ssl=False, **given)
    assert isinstance(store, AzureMySqlDatastore) and store.port_number == 3306 and store.user_password is None
    built = databases.build_connection(Row.objects.get(name="my"))
    assert built["kind"] == "AzureMySql" and built["arguments"].pop("address")
    wanted = {"host": "localhost", "port": 3306, "user": "reader", "password": "hush", "database": "db"}
    assert built["arguments"] == {**wanted, "ssl_mode": "prefer"}
    row = Row.objects.get(name="pg")
    assert row.read_secrets() == {"user_id": "reader", "user_password": "hush"} and "hush" not in str(row.settings)
    assert row.settings["ssl_mode"] == "prefer" and row.settings["host"] == "localhost"


def test_a_query_of_sqlite_only_reads(file, read, tmp_path, monkeypatch):
    here = {"kind": "Sqlite", "file": str(file)}

    def refuse(query, words, **given):
        with pytest.raises(DatasetExecutionError, match=words):
            read(here, query, **given)

    assert read(here, "WITH x AS (SELECT 1 AS a) SELECT a, NULL AS b, 1.5 AS c, x'00ff' AS d FROM x;").fetchall() == [
        (1, None, 1.5, "00ff")
    ]
    assert read(here, "SELECT id FROM people WHERE id > 9").fetchall() == []
    for query in ("DELETE FROM people", f"ATTACH '{file}' AS other", "PRAGMA query_only = 0", "VACUUM"):
        refuse(query, "only SELECT is allowed")
    for name in ("fts3_tokenizer('simple')", "FTS3_Tokenizer('simple', x'00')", "load_extension('x')"):
        refuse(f"SELECT {name}", "not authorized to use function|no such function")
    refuse("SELECT 1; SELECT 2", "one statement at a time")
    refuse("SELECT 1 AS a, 2 AS A", "Two columns of the query have the name 'A'")
    refuse("SELECT id\nFORM people p", 'line 2, column 6: near "people"')
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
    refuse(f"{endless} max(i) FROM n", "longer than 1 seconds", seconds=1)
    monkeypatch.setattr(queries, "MAX_ROWS", 10)
    refuse(f"{endless} i FROM n", "returns more than 10 rows or 1024 MB")
    monkeypatch.setattr(queries, "HEAD_ROWS", 5)
    assert read(here, f"{endless} i FROM n", is_head=True).fetchall() == [(1,), (2,), (3,), (4,), (5,)]


@pytest.fixture
def postgresql():
    initdb, postgres, _ = team_servers.find_servers()
    user = team_servers.unprivileged()
    with tempfile.TemporaryDirectory(prefix="query-") as folder, contextlib.ExitStack() as running:
        home = pathlib.Path(folder)
        if user:
            os.chown(home, pwd.getpwnam(user).pw_uid, -1)
        running.enter_context(team_servers.postgresql(home, initdb, postgres, user))
        arguments = {"host": folder, "dbname": "postgres", "user": team_servers.ROLE}
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = running.enter_context(psycopg.connect(**arguments, autocommit=True))
                break
            except psycopg.OperationalError:
                # It has a socket before it accepts connections.
                assert time.monotonic() < deadline
        connection.execute(
            "CREATE TABLE events AS SELECT i AS id, i / 4.0 AS quarter, i % 2 = 0 AS even, date '2024-01-01' + i AS day, "
            "timestamptz '2024-01-01 10:00+02' AS at, CASE WHEN i > 1 THEN '' END AS note FROM generate_series(1, 5000) i"
        )
        connection.execute("CREATE SEQUENCE numbers")
        yield {"kind": "AzurePostgreSql", "arguments": arguments}


@pytest.mark.extended
def test_a_query_of_postgresql_only_reads(postgresql, read):
    found = read(postgresql, "SELECT * FROM events ORDER BY id;")
    assert [str(kind) for kind in found.types] == ["BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "TIMESTAMP", "VARCHAR"]
    rows = found.fetchall()
    assert len(rows) == 5000 and rows[0][:3] == (1, 0.25, False) and rows[0][5] is None and rows[1][5] == ""
    assert str(rows[0][4]) == "2024-01-01 08:00:00"
    refused = {
        "SELECT id,\n  nme\nFROM events": r'line 2, column 3: column "nme" does not exist',
        "SELECT 1; SELECT 2": "multiple commands",
        "DELETE FROM events": r'line 1, column 1: syntax error at or near "DELETE"',
        "WITH d AS (DELETE FROM events RETURNING id) SELECT * FROM d": "data-modifying",
        "SELECT 1) TO PROGRAM 'id' --": r"line 1, column 9: syntax error",
        "COPY (SELECT 1) TO PROGRAM 'id'": r'column 1: syntax error at or near "COPY"',
        "SELECT pg_sleep(9)": "longer than 1 seconds",
        "SELECT 1 / (id - id) FROM events": "The query: division by zero",
        "SELECT nextval('numbers')": "read-only transaction",
    }
    for query, words in refused.items():
        with pytest.raises(DatasetExecutionError, match=words):
            read(postgresql, query, seconds=1)
    away = {"kind": "AzurePostgreSql", "arguments": {**postgresql["arguments"], "port": 9}}
    with pytest.raises(DatasetExecutionError, match="The database does not answer"):
        read(away, "SELECT 1")


@pytest.fixture
def mysql(tmp_path):
    """A server without accounts and without TLS."""
    mariadbd, user = team_servers.find_mariadb(), team_servers.unprivileged()
    with tempfile.TemporaryDirectory(prefix="query-") as folder, socket.socket() as free:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [mariadbd, "--no-defaults", "--skip-grant-tables", f"--datadir={folder}", f"--socket={folder}/socket"]
        command += ["--bind-address=127.0.0.1", f"--port={port}"]
        with subprocess.Popen(command, user=user, stderr=subprocess.DEVNULL) as server:
            try:
                yield _fill_mysql(port)
            finally:
                server.terminate()


def _fill_mysql(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = pymysql.connect(host="127.0.0.1", port=port, user="root")
            break
        except pymysql.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE hr")
        cursor.execute("USE hr")
        cursor.execute(
            "CREATE TABLE events AS SELECT seq AS id, seq / 4 AS quarter, date '2024-01-01' + interval seq day AS day, "
            "CASE WHEN seq > 1 THEN '' END AS note, 18446744073709551615 AS big FROM seq_1_to_5000"
        )
        cursor.execute("ALTER TABLE events ADD COLUMN bits BIT(2) DEFAULT b'10'")
        cursor.execute("CREATE SEQUENCE numbers")
    arguments = {"host": "localhost", "address": "127.0.0.1", "port": port, "user": "root", "password": ""}
    return {"kind": "AzureMySql", "arguments": {**arguments, "database": "hr", "ssl_mode": "prefer"}}


@pytest.mark.extended
def test_a_query_of_mysql_only_reads(mysql, read, tmp_path):
    found = read(mysql, "SELECT * FROM events ORDER BY id;")
    assert [str(kind) for kind in found.types] == ["BIGINT", "DOUBLE", "TIMESTAMP", "VARCHAR", "DOUBLE", "BIGINT"]
    rows = found.fetchall()
    assert len(rows) == 5000 and rows[0][:2] == (1, 0.25) and rows[0][3:] == (None, 2.0**64, 2) and rows[1][3] == ""
    assert str(rows[0][2]) == "2024-01-02 00:00:00"
    assert len(read(mysql, "SELECT seq FROM seq_1_to_3000000", is_head=True).fetchall()) == queries.HEAD_ROWS
    refused = {
        "SELECT id,\n  nme\nFROM events": "line 2, column 3: Unknown column 'nme'",
        "SELECT id FROM evnts": "line 1, column 16: Table 'hr.evnts' doesn't exist",
        "SELECT 1; SELECT 2": "column 9: You have an error in your SQL syntax near '; SELECT 2'",
        "DELETE FROM events": "column 1: You have an error in your SQL syntax near 'DELETE FROM events'",
        f"SELECT 1 INTO OUTFILE '{tmp_path}/rows'": "near 'INTO OUTFILE",
        "SELECT 1) AS a, (SELECT 2": r"near '\) AS a",
        "SELECT sleep(9)": "longer than 1 seconds",
        "SELECT nextval(numbers)": "READ ONLY transaction",
        "SELECT 1 AS a, 2 AS a": "Duplicate column name 'a'",
    }
    for query, words in refused.items():
        with pytest.raises(DatasetExecutionError, match=words):
            read(mysql, query, seconds=1)
    for wrong, words in (
        ({"port": 9}, "does not answer: Connection refused"),
        ({"ssl_mode": "require"}, "SSL is required"),
    ):
        with pytest.raises(DatasetExecutionError, match=words):
            read({**mysql, "arguments": {**mysql["arguments"], **wrong}}, "SELECT 1")


def test_without_a_driver_a_query_of_mysql_says_what_is_missing(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(DatasetExecutionError, match=r"no driver for MySQL.*deploy/setup.py mysql"):
        read({"kind": "AzureMySql", "arguments": {}}, "SELECT 1")
