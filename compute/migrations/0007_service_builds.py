import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compute", "0006_encrypted_server_tokens"),
    ]

    operations = [
        migrations.CreateModel(
            name="ServiceBuild",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attempt", models.PositiveIntegerField()),
                ("title", models.CharField(blank=True, max_length=300)),
                ("node_name", models.CharField(blank=True, max_length=60)),
                ("log", models.TextField(blank=True)),
                ("size", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "work",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="build", to="compute.work"
                    ),
                ),
            ],
            options={"verbose_name": "build for a service", "ordering": ["-started_at"]},
        ),
    ]
