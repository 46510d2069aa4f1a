import django.db.models.deletion
from django.db import migrations, models

BATCH = 2_000


def link_datasets(apps, schema_editor):
    """Store the ids that versions have in a list as rows."""
    links = apps.get_model("registry", "VersionDataset").objects
    versions = apps.get_model("registry", "ModelVersion").objects.order_by("pk").exclude(datasets=[])
    made = []
    for version, listed in versions.values_list("pk", "datasets").iterator(chunk_size=BATCH):
        ids = dict.fromkeys(str(one["id"])[:500] for one in listed if "id" in one)
        made += [links.model(version_id=version, dataset_id=one) for one in ids]
        if len(made) >= BATCH:
            links.bulk_create(made)
            made = []
    links.bulk_create(made)


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_versions_in_list_by_condition")]

    operations = [
        migrations.CreateModel(
            name="VersionDataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset_id", models.CharField(db_index=True, max_length=500)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dataset_links",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "dataset_id"), name="one_link_to_a_dataset")
                ],
            },
        ),
        migrations.RunPython(link_datasets, migrations.RunPython.noop, elidable=True),
    ]
