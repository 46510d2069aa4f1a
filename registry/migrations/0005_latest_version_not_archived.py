from django.db import migrations, models


def mark_newest_active(apps, schema_editor):
    """The newest version of a model is the newest that is not archived, if there is one."""
    versions = apps.get_model("registry", "ModelVersion").objects
    for archived in versions.filter(is_latest=True, model__archived_at=None).exclude(archived_at=None):
        active = versions.filter(model=archived.model_id, archived_at=None, deleted_at=None).order_by("-number").first()
        if active:
            versions.filter(pk=archived.pk).update(is_latest=False)
            versions.filter(pk=active.pk).update(is_latest=True)


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_versions_by_source")]

    operations = [
        migrations.AlterField(
            model_name="modelversion",
            name="is_latest",
            field=models.BooleanField(
                default=False, help_text="The newest version of its model, archived ones only if all are."
            ),
        ),
        migrations.RunPython(mark_newest_active, migrations.RunPython.noop, elidable=True),
    ]
