from django.db import migrations, models

IN_LIST = ["workspace", "-created_at", "-id"]


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_latest_version_not_archived")]

    operations = [
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                condition=models.Q(archived_at=None, deleted_at=None), fields=IN_LIST, name="active_versions_in_list"
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                condition=models.Q(archived_at=None, deleted_at=None, is_latest=True),
                fields=IN_LIST,
                name="newest_versions_in_list",
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                condition=models.Q(archived_at__isnull=False, deleted_at=None),
                fields=IN_LIST,
                name="archived_versions_in_list",
            ),
        ),
        migrations.RemoveIndex(model_name="modelversion", name="versions_in_list"),
        migrations.RemoveIndex(model_name="modelversion", name="latest_versions_in_list"),
    ]
