"""Append-only tables: the database itself refuses UPDATE and DELETE from any client."""

from django.db import models

MESSAGE = "rows of this table are never changed or deleted"
FUNCTION = "refuse_to_change_rows"


class AppendOnly(models.BaseConstraint):
    """A constraint of a table's Meta, so that the migration of the table also creates the triggers."""

    def constraint_sql(self, model, schema_editor):
        schema_editor.deferred_sql += self.list_statements(model, schema_editor.connection)

    def create_sql(self, model, schema_editor):
        return ";\n".join(self.list_statements(model, schema_editor.connection))

    def remove_sql(self, model, schema_editor):
        return ";\n".join(self.list_removals(model, schema_editor.connection))

    def validate(self, model, instance, exclude=None, using=None):
        """Nothing to check: every new row is allowed."""

    def list_statements(self, model, connection) -> list[str]:
        name = connection.ops.quote_name
        table = name(model._meta.db_table)
        if connection.vendor == "sqlite":
            return [
                f"CREATE TRIGGER {name(self._trigger(act))} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
                for act in ("UPDATE", "DELETE")
            ]
        function = (
            f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger AS $$ "
            f"BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$ LANGUAGE plpgsql"
        )
        triggers = [
            f"CREATE TRIGGER {name(self._trigger(act))} BEFORE {act} ON {table} "
            f"FOR EACH {'STATEMENT' if act == 'TRUNCATE' else 'ROW'} EXECUTE FUNCTION {FUNCTION}()"
            for act in ("UPDATE", "DELETE", "TRUNCATE")
        ]
        return [function, *triggers]

    def list_removals(self, model, connection) -> list[str]:
        name = connection.ops.quote_name
        table = name(model._meta.db_table)
        if connection.vendor == "sqlite":
            return [f"DROP TRIGGER IF EXISTS {name(self._trigger(act))}" for act in ("UPDATE", "DELETE")]
        acts = ("UPDATE", "DELETE", "TRUNCATE")
        return [f"DROP TRIGGER IF EXISTS {name(self._trigger(act))} ON {table}" for act in acts]

    def _trigger(self, act: str) -> str:
        return f"{self.name}_{act.lower()}"

    def __eq__(self, other):
        return isinstance(other, AppendOnly) and other.name == self.name

    def __hash__(self):
        return hash(self.name)
