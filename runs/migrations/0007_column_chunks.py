import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0006_fewer_indexes"), ("workspaces", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="ColumnChunk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("column", models.CharField(max_length=270)),
                ("number", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                ("size", models.PositiveIntegerField()),
                ("stored_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="workspaces.workspace"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("workspace", "column", "number"), name="one_chunk_of_a_column")
                ],
            },
        ),
        migrations.DeleteModel(name="ListSums"),
        migrations.RemoveIndex(model_name="run", name="runs_in_blocks"),
    ]
