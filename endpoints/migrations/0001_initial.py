import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('compute', '0001_initial'),
        ('registry', '0001_initial'),
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('auth_enabled', models.BooleanField(default=False)),
                ('primary_key', models.TextField()),
                ('secondary_key', models.TextField()),
                ('primary_digest', models.CharField(max_length=64)),
                ('secondary_digest', models.CharField(max_length=64)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=32)),
                ('description', models.TextField(blank=True)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('properties', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_request_at', models.DateTimeField(blank=True, null=True)),
                ('has_insights', models.BooleanField(default=False)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='endpoints', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('entry_script', models.CharField(max_length=500)),
                ('code_key', models.CharField(max_length=200)),
                ('code_size', models.PositiveBigIntegerField(default=0)),
                ('environment', models.JSONField(default=dict)),
                ('environment_name', models.CharField(blank=True, max_length=300)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('wanted', models.PositiveSmallIntegerField(default=1)),
                ('min_replicas', models.PositiveSmallIntegerField(default=1)),
                ('max_replicas', models.PositiveSmallIntegerField(default=1)),
                ('less_since', models.DateTimeField(blank=True, null=True)),
                ('stage', models.CharField(choices=[('Transitioning', 'Transitioning'), ('Healthy', 'Healthy'), ('Failed', 'Failed'), ('Stopped', 'Stopped')], default='Transitioning', max_length=13)),
                ('reason', models.TextField(blank=True)),
                ('log', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ready_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='endpoints.endpoint')),
                ('model_versions', models.ManyToManyField(blank=True, related_name='revisions', to='registry.modelversion')),
                ('target', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='compute.computetarget')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='Replica',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('ready_attempt', models.PositiveIntegerField(default=0)),
                ('work', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='compute.work')),
                ('revision', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='replicas', to='endpoints.revision')),
            ],
            options={
                'ordering': ['number'],
            },
        ),
        migrations.AddField(
            model_name='endpoint',
            name='current',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='endpoints.revision'),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='newest',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='endpoints.revision'),
        ),
        migrations.CreateModel(
            name='ServiceRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('revision', models.PositiveIntegerField()),
                ('method', models.CharField(max_length=20)),
                ('path', models.CharField(max_length=100)),
                ('status', models.PositiveSmallIntegerField()),
                ('milliseconds', models.FloatField()),
                ('request_id', models.CharField(max_length=100)),
                ('client_request_id', models.CharField(blank=True, max_length=100)),
                ('item_count', models.PositiveIntegerField(default=1)),
                ('output', models.TextField(blank=True)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='requests', to='endpoints.endpoint')),
            ],
            options={
                'ordering': ['-at'],
            },
        ),
        migrations.CreateModel(
            name='TrafficMinute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minute', models.DateTimeField()),
                ('statuses', models.JSONField(default=dict)),
                ('buckets', models.JSONField(default=dict)),
                ('busy', models.FloatField(default=0)),
                ('replicas', models.PositiveSmallIntegerField(default=0)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='traffic', to='endpoints.endpoint')),
            ],
            options={
                'ordering': ['minute'],
            },
        ),
        migrations.AddConstraint(
            model_name='revision',
            constraint=models.UniqueConstraint(fields=('endpoint', 'number'), name='one_revision_of_a_number'),
        ),
        migrations.AddConstraint(
            model_name='revision',
            constraint=models.CheckConstraint(condition=models.Q(('min_replicas__lte', models.F('max_replicas'))), name='min_replicas_at_most_max_replicas'),
        ),
        migrations.AddConstraint(
            model_name='replica',
            constraint=models.UniqueConstraint(fields=('revision', 'number'), name='one_replica_of_a_number'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.UniqueConstraint(fields=('workspace', 'name'), name='one_endpoint_of_a_name'),
        ),
        migrations.AddIndex(
            model_name='servicerequest',
            index=models.Index(fields=['endpoint', 'at'], name='requests_of_an_endpoint'),
        ),
        migrations.AddIndex(
            model_name='servicerequest',
            index=models.Index(fields=['at'], name='request_times'),
        ),
        migrations.AddIndex(
            model_name='trafficminute',
            index=models.Index(fields=['minute'], name='traffic_minutes'),
        ),
        migrations.AddConstraint(
            model_name='trafficminute',
            constraint=models.UniqueConstraint(fields=('endpoint', 'minute'), name='one_row_of_a_minute'),
        ),
    ]
