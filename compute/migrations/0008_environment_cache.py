from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compute", "0007_service_builds"),
    ]

    operations = [
        migrations.AddField("host", "environment_cache_bytes", models.BigIntegerField(blank=True, null=True)),
    ]
