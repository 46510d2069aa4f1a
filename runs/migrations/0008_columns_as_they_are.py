"""PostgreSQL stores the values of columns as they are: compressing them takes it longer than reading them run by run."""

from django.db import migrations


def set_storage(kind):
    def change(apps, schema_editor):
        # They can be read again, and represented the texts in another way.
        apps.get_model("runs", "ColumnChunk").objects.all().delete()
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER TABLE runs_columnchunk ALTER COLUMN content SET STORAGE {kind}")

    return change


class Migration(migrations.Migration):
    dependencies = [("runs", "0007_column_chunks")]

    operations = [migrations.RunPython(set_storage("EXTERNAL"), set_storage("EXTENDED"))]
