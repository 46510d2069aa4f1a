from django.db import migrations, models


class BlockNumber(models.Func):
    template = "(%(expressions)s >> %(bits)s)"
    output_field = models.BigIntegerField()


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
