import django.db.models.deletion
import django.utils.timezone
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
            name='RetentionAct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=600)),
                ('at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('runs', models.PositiveIntegerField(default=0)),
                ('files', models.PositiveIntegerField(default=0)),
                ('bytes', models.PositiveBigIntegerField(default=0)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='retention_acts', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='RetentionRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('takes', models.CharField(choices=[('runs', 'Jobs, to the trash'), ('logs', 'Logs of jobs, permanently'), ('outputs', 'Outputs of jobs, permanently')], default='runs', max_length=7, verbose_name='deletes')),
                ('days', models.PositiveIntegerField(default=90, verbose_name='ended more than … days ago')),
                ('experiments', models.CharField(default='*', max_length=500, verbose_name='in experiments named')),
                ('keep_tag', models.CharField(blank=True, default='keep', max_length=256, verbose_name='except with the tag')),
                ('keep_starred', models.BooleanField(default=True, verbose_name='except with a star')),
                ('is_on', models.BooleanField(default=False, verbose_name='on')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ran_at', models.DateTimeField(blank=True, null=True)),
                ('took', models.PositiveIntegerField(default=0, help_text='Jobs that the last application affected.')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='retention_rules', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='PurgeJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace_name', models.CharField(max_length=33)),
                ('area', models.CharField(max_length=60)),
                ('scope', models.CharField(choices=[('trash', 'Everything that was in the trash'), ('chosen', 'Selected objects in the trash'), ('workspace', 'The workspace')], max_length=9)),
                ('until', models.DateTimeField(default=django.utils.timezone.now)),
                ('run_pks', models.JSONField(blank=True, default=list)),
                ('experiment_pks', models.JSONField(blank=True, default=list)),
                ('state', models.CharField(choices=[('Queued', 'Queued'), ('Running', 'Running'), ('Completed', 'Completed'), ('Failed', 'Failed')], default='Queued', max_length=9)),
                ('held_until', models.DateTimeField(blank=True, null=True)),
                ('total', models.PositiveIntegerField(default=0, help_text='Runs to delete.')),
                ('done', models.PositiveIntegerField(default=0)),
                ('kept', models.PositiveIntegerField(default=0, help_text='Runs that stay, because a registered model has its files there.')),
                ('database_before', models.PositiveBigIntegerField(null=True)),
                ('database_after', models.PositiveBigIntegerField(null=True)),
                ('files_freed', models.PositiveBigIntegerField(default=0)),
                ('files_after', models.PositiveBigIntegerField(null=True)),
                ('error', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='purges', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['Queued', 'Running'])), fields=['id'], name='purges_open')],
            },
        ),
    ]
