from django.db import migrations, models

from studio.search.db_functions import BlockNumber


class Migration(migrations.Migration):
    dependencies = [("runs", "0002_list_sums")]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                models.F("experiment"), BlockNumber("number", bits=11), models.F("status"), name="runs_in_blocks"
            ),
        ),
    ]
