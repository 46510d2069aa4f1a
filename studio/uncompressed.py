"""Columns that PostgreSQL stores as they are: it would compress their bytes, which takes longer than what reads them."""

from django.db import models


class Uncompressed(models.BaseConstraint):
    """A constraint of a table's Meta, so that the table is made with it. Other databases do not compress."""

    def __init__(self, column: str, *, name: str):
        super().__init__(name=name)
        self.column = column

    def deconstruct(self):
        path, _, options = super().deconstruct()
        return path, (self.column,), options

    def constraint_sql(self, model, schema_editor):
        schema_editor.deferred_sql += filter(None, [self.create_sql(model, schema_editor)])

    def create_sql(self, model, schema_editor):
        return self._alter(model, schema_editor, "EXTERNAL")

    def remove_sql(self, model, schema_editor):
        return self._alter(model, schema_editor, "EXTENDED")

    def validate(self, model, instance, exclude=None, using=None):
        """Nothing to check: every value is allowed."""

    def _alter(self, model, schema_editor, kind: str) -> str | None:
        if schema_editor.connection.vendor != "postgresql":
            return None
        table, column = schema_editor.quote_name(model._meta.db_table), schema_editor.quote_name(self.column)
        return f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {kind}"

    def __eq__(self, other):
        return isinstance(other, Uncompressed) and (other.name, other.column) == (self.name, self.column)

    def __hash__(self):
        return hash((self.name, self.column))
