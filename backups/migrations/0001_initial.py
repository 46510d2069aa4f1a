import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Backup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('parent', models.CharField(max_length=500)),
                ('name', models.CharField(blank=True, max_length=40)),
                ('state', models.CharField(choices=[('Queued', 'Queued'), ('Running', 'Running'), ('Completed', 'Completed'), ('Failed', 'Failed')], default='Queued', max_length=9)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('started_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('held_until', models.DateTimeField(null=True)),
                ('files', models.PositiveBigIntegerField(default=0)),
                ('bytes', models.PositiveBigIntegerField(default=0)),
                ('has_keys', models.BooleanField(default=False)),
                ('log', models.TextField(blank=True)),
                ('error', models.TextField(blank=True)),
                ('checked_at', models.DateTimeField(null=True)),
                ('check_error', models.TextField(blank=True)),
                ('removed_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'Running')), fields=('state',), name='one_backup_at_a_time'), models.UniqueConstraint(condition=models.Q(('state', 'Queued')), fields=('state',), name='one_backup_waits')],
            },
        ),
    ]
