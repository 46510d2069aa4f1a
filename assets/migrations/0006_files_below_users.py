"""Below `Users/` the datastore `workspacefilestore` has the file share; files of its own that are there keep another folder."""

import obstore
from django.db import migrations

from studio import storage

BEFORE, AFTER = "Users/", "Users before/"


def move_files(apps, old: str, new: str) -> None:
    rows = apps.get_model("assets", "Datastore").objects.filter(kind="Workspace", name="workspacefilestore")
    store = storage.open_store()
    for workspace_id in rows.values_list("workspace_id", flat=True).iterator():
        top = f"w/{workspace_id}/datastores/workspacefilestore/"
        # A list is read to its end before its files are moved.
        keys = [entry["path"] for batch in obstore.list(store, prefix=top + old.rstrip("/")) for entry in batch]
        for key in keys:
            obstore.rename(store, key, top + new + key.removeprefix(top + old))


def move_away(apps, schema_editor):
    move_files(apps, BEFORE, AFTER)


def move_back(apps, schema_editor):
    move_files(apps, AFTER, BEFORE)


class Migration(migrations.Migration):
    dependencies = [("assets", "0005_times_of_built_in_datastores"), ("workspaces", "0001_initial")]

    operations = [migrations.RunPython(move_away, move_back)]
