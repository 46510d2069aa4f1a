from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('assets', '0006_files_below_users'),
    ]

    operations = [
        migrations.AlterField(
            model_name='datastore',
            name='kind',
            field=models.CharField(choices=[('Workspace', 'Storage of the studio'), ('Folder', 'Folder of the server'), ('AzureBlob', 'Azure Blob Storage'), ('AzureFile', 'Azure file share'), ('AzureDataLakeGen2', 'Azure Data Lake Storage Gen2'), ('S3', 'S3'), ('AzurePostgreSql', 'PostgreSQL database'), ('AzureMySql', 'MySQL or MariaDB database'), ('Sqlite', 'SQLite file of the server')], max_length=20),
        ),
    ]
