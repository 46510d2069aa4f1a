"""Django's `migrate`, which creates the tables of an empty database at once.

Normally, each of some thousand operations renders the state of all related models: 20 s at the first start. An empty
database needs only the current models. A migration that adds rows would be skipped, so a test forbids one.
"""

from django.apps import apps
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

# Options that want less than all migrations, or only to look.
PARTIAL = ("app_label", "plan", "check_unapplied", "fake", "fake_initial", "prune")


class Command(migrate.Command):
    def handle(self, *args, **options):
        connection = connections[options["database"]]
        if not any(options[name] for name in PARTIAL) and not connection.introspection.table_names():
            create_tables(connection)
        super().handle(*args, **options)


def create_tables(connection) -> None:
    """Make all tables and record all migrations, in one transaction."""
    recorder, nodes = MigrationRecorder(connection), MigrationExecutor(connection).loader.graph.nodes
    recorder.ensure_schema()
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            if model._meta.can_migrate(connection):
                editor.create_model(model)
        for app, name in nodes:
            recorder.record_applied(app, name)
