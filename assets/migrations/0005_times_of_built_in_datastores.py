"""Built-in datastores are as old as their workspace; they had the time at which somebody first asked for them."""

from django.db import migrations, models


def copy_times(apps, schema_editor):
    datastores = apps.get_model("assets", "Datastore").objects.filter(kind="Workspace")
    workspaces = apps.get_model("workspaces", "Workspace").objects.filter(pk=models.OuterRef("workspace"))
    datastores.update(created_at=models.Subquery(workspaces.values("created_at")[:1]))


class Migration(migrations.Migration):
    dependencies = [("assets", "0004_mysql_datastores")]

    operations = [migrations.RunPython(copy_times, migrations.RunPython.noop)]
