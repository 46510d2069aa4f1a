from django.db import migrations

from studio.uncompressed import Uncompressed


def forget_columns(apps, schema_editor):
    """They can be read again, and represented the texts in another way."""
    apps.get_model("runs", "ColumnChunk").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("runs", "0007_column_chunks")]

    operations = [
        migrations.RunPython(forget_columns, forget_columns),
        migrations.AddConstraint("columnchunk", Uncompressed("content", name="column_chunks_as_they_are")),
    ]
