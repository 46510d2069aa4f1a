from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compute", "0009_pauses_of_hosts"),
    ]

    operations = [
        migrations.AddField("host", "container_engine", models.CharField(blank=True, default="", max_length=100)),
        migrations.AddField("host", "container_problem", models.CharField(blank=True, default="", max_length=300)),
    ]
