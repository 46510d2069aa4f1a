from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('endpoints', '0009_collected_rows'),
    ]

    operations = [
        migrations.AddField(
            model_name='revision',
            name='example',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
