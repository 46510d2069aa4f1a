from django.db import migrations, models

from studio import encryption


def encrypt_secrets(apps, schema_editor):
    for row in apps.get_model("notices", "Webhook").objects.all():
        row.secret_text = encryption.load_keys().encrypt(row.secret_text, f"webhook:{row.person_id}")
        row.save(update_fields=["secret_text"])


def decrypt_secrets(apps, schema_editor):
    for row in apps.get_model("notices", "Webhook").objects.all():
        row.secret_text = encryption.load_keys().decrypt(row.secret_text, f"webhook:{row.person_id}")
        row.save(update_fields=["secret_text"])


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0003_event_of_workspace_endpoints"),
    ]

    operations = [
        migrations.RenameField("webhook", "secret", "secret_text"),
        migrations.AlterField("webhook", "secret_text", models.TextField(editable=False)),
        migrations.RunPython(encrypt_secrets, decrypt_secrets),
    ]
