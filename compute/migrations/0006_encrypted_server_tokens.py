from django.db import migrations, models

from studio import encryption


def encrypt_tokens(apps, schema_editor):
    """Encrypts the tokens, and takes them out of the specs of the work."""
    for row in apps.get_model("compute", "ComputeInstance").objects.exclude(server_token_text=""):
        row.server_token_text = encryption.load_keys().encrypt(row.server_token_text, f"instance:{row.pk}")
        row.save(update_fields=["server_token_text"])
    for work in apps.get_model("compute", "Work").objects.filter(scope__startswith="instance:"):
        work.spec.get("environment_variables", {}).pop("JUPYTER_TOKEN", None)
        work.save(update_fields=["spec"])


def decrypt_tokens(apps, schema_editor):
    for row in apps.get_model("compute", "ComputeInstance").objects.exclude(server_token_text=""):
        row.server_token_text = encryption.load_keys().decrypt(row.server_token_text, f"instance:{row.pk}")
        row.save(update_fields=["server_token_text"])
        if row.work and row.work.scope == f"instance:{row.pk}":
            row.work.spec["environment_variables"]["JUPYTER_TOKEN"] = row.server_token_text
            row.work.save(update_fields=["spec"])


class Migration(migrations.Migration):
    dependencies = [
        ("compute", "0005_attached_machines"),
    ]

    operations = [
        migrations.RenameField("computeinstance", "server_token", "server_token_text"),
        migrations.AlterField("computeinstance", "server_token_text", models.TextField(blank=True, editable=False)),
        migrations.RunPython(encrypt_tokens, decrypt_tokens),
    ]
