"""An empty database gets its tables at once, so a migration may do nothing else than make tables."""

from django.db import ConnectionHandler, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.special import RunPython, RunSQL, SeparateDatabaseAndState

from studio.management.commands.migrate import create_tables

# They change rows, or drop indexes, that an empty database does not have.
NEEDLESS = {
    ("account", "0006_emailaddress_lower"),
    ("account", "0008_emailaddress_unique_primary_email_fixup"),
    ("assets", "0005_times_of_built_in_datastores"),
    ("assets", "0006_files_below_users"),
    ("auth", "0011_update_proxy_permissions"),
    ("compute", "0006_encrypted_server_tokens"),
    ("contenttypes", "0002_remove_content_type_name"),
    ("notices", "0004_encrypted_secrets"),
    ("registry", "0005_latest_version_not_archived"),
    ("registry", "0007_datasets_of_versions"),
    ("runs", "0006_fewer_indexes"),
    ("runs", "0008_columns_as_they_are"),
}


def test_no_migration_does_what_an_empty_database_would_miss():
    nodes = MigrationLoader(None).graph.nodes
    special = {
        key
        for key, migration in nodes.items()
        if any(isinstance(one, RunPython | RunSQL | SeparateDatabaseAndState) for one in migration.operations)
    }
    assert special <= NEEDLESS, (
        "read the operation: must it run in an empty database too? Then create_tables must run it"
    )


def test_an_empty_database_gets_all_tables_at_once_and_has_nothing_left_to_migrate(db, tmp_path):
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "empty.sqlite3"}
    fresh = ConnectionHandler({"default": settings})["default"]
    create_tables(fresh)
    executor = MigrationExecutor(fresh)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    assert set(connection.introspection.django_table_names()) <= set(fresh.introspection.table_names())
    fresh.close()
