from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compute", "0008_environment_cache"),
    ]

    operations = [
        migrations.AddField(
            model_name="host",
            name="drain_reason",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="host",
            name="reopens_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
