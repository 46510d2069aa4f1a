import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DataAsset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255)),
                ('last_number', models.PositiveIntegerField(default=0)),
                ('quality_rules', models.JSONField(blank=True, default=list)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='data_assets', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Datastore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255)),
                ('kind', models.CharField(choices=[('Workspace', 'Storage of the studio'), ('Folder', 'Folder of the server'), ('AzureBlob', 'Azure Blob Storage'), ('AzureDataLakeGen2', 'Azure Data Lake Storage Gen2'), ('S3', 'S3'), ('AzurePostgreSql', 'PostgreSQL database'), ('Sqlite', 'SQLite file of the server')], max_length=20)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('credentials', models.CharField(blank=True, help_text='The kind of credentials, such as AccountKey.', max_length=20)),
                ('is_default', models.BooleanField(default=False)),
                ('description', models.TextField(blank=True, max_length=5000)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('secret', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='workspaces.secret')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='datastores', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='DataVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dataset_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('version', models.CharField(blank=True, max_length=30)),
                ('number', models.PositiveIntegerField(default=0, help_text='The order of creation; the highest is the latest.')),
                ('kind', models.CharField(choices=[('file', 'File'), ('tabular', 'Tabular'), ('uri_file', 'File (uri_file)'), ('uri_folder', 'Folder (uri_folder)'), ('mltable', 'Table (mltable)')], max_length=12)),
                ('definition', models.JSONField()),
                ('uri', models.TextField(blank=True)),
                ('digest', models.CharField(max_length=64)),
                ('description', models.TextField(blank=True, max_length=5000)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('properties', models.JSONField(blank=True, default=dict)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('made_by_run', models.CharField(blank=True, max_length=256)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('asset', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='versions', to='assets.dataasset')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='data_versions', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-number', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='DataManifest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('file_count', models.PositiveIntegerField()),
                ('size', models.BigIntegerField()),
                ('packed', models.BinaryField()),
                ('is_hashed', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('version', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='manifest', to='assets.dataversion')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='DataWork',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('hashes', 'Hashes of the files'), ('profile', 'Profile of all rows'), ('freeze', 'Frozen copy'), ('quality', 'Check of the quality rules')], max_length=10)),
                ('state', models.CharField(choices=[('Queued', 'Queued'), ('Running', 'Running'), ('Completed', 'Completed'), ('Failed', 'Failed')], default='Queued', max_length=10)),
                ('progress', models.FloatField(default=0, help_text='From 0 to 1.')),
                ('manifest_digest', models.CharField(blank=True, max_length=64)),
                ('result', models.JSONField(blank=True, default=dict)),
                ('problem', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('held_until', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='work', to='assets.dataversion')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Environment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='environments', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='EnvironmentRebuild',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255)),
                ('version', models.CharField(max_length=30)),
                ('number', models.PositiveIntegerField(default=0)),
                ('ordered_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ordered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='EnvironmentVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=30)),
                ('number', models.PositiveIntegerField(help_text='The order of creation; the highest is the latest.')),
                ('definition', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('description', models.TextField(blank=True, max_length=5000)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='assets.environment')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.AddConstraint(
            model_name='dataasset',
            constraint=models.UniqueConstraint(fields=('workspace', 'name'), name='one_data_asset_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='datastore',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), models.F('workspace'), name='one_datastore_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='datastore',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('workspace',), name='one_default_datastore_of_a_workspace'),
        ),
        migrations.AddIndex(
            model_name='dataversion',
            index=models.Index(fields=['workspace', 'digest'], name='data_versions_by_digest'),
        ),
        migrations.AddConstraint(
            model_name='dataversion',
            constraint=models.UniqueConstraint(fields=('asset', 'version'), name='one_data_version'),
        ),
        migrations.AddConstraint(
            model_name='dataversion',
            constraint=models.UniqueConstraint(fields=('asset', 'number'), name='one_data_version_number'),
        ),
        migrations.AddIndex(
            model_name='datawork',
            index=models.Index(fields=['state', 'held_until'], name='data_work_by_state'),
        ),
        migrations.AddConstraint(
            model_name='datawork',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['Queued', 'Running'])), fields=('version', 'kind'), name='one_open_work_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='environment',
            constraint=models.UniqueConstraint(fields=('workspace', 'name'), name='one_environment_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='environmentrebuild',
            constraint=models.UniqueConstraint(fields=('workspace', 'name', 'version'), name='one_rebuild_of_a_version'),
        ),
        migrations.AddConstraint(
            model_name='environmentversion',
            constraint=models.UniqueConstraint(fields=('environment', 'version'), name='one_environment_version'),
        ),
        migrations.AddConstraint(
            model_name='environmentversion',
            constraint=models.UniqueConstraint(fields=('environment', 'number'), name='one_environment_number'),
        ),
    ]
