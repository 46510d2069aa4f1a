import django.db.models.deletion
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
            name='Meter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('counted_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('job', 'Jobs'), ('idle', 'Idle nodes'), ('storage', 'Storage')], max_length=8)),
                ('day', models.DateField()),
                ('subscription', models.CharField(max_length=100)),
                ('resource_group', models.CharField(max_length=90)),
                ('workspace', models.CharField(max_length=100)),
                ('workspace_key', models.BigIntegerField()),
                ('compute', models.CharField(blank=True, max_length=64)),
                ('vm_size', models.CharField(blank=True, max_length=40)),
                ('node', models.CharField(blank=True, max_length=60)),
                ('work', models.UUIDField(blank=True, null=True)),
                ('work_scope', models.CharField(blank=True, max_length=300)),
                ('experiment', models.CharField(blank=True, max_length=255)),
                ('person', models.CharField(blank=True, max_length=150)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('seconds', models.FloatField(default=0)),
                ('bytes', models.BigIntegerField(default=0)),
                ('byte_seconds', models.FloatField(default=0)),
                ('price', models.FloatField(blank=True, null=True)),
                ('cost', models.FloatField(blank=True, null=True)),
            ],
            options={
                'verbose_name_plural': 'usage',
                'indexes': [models.Index(fields=['workspace_key', 'day'], name='usage_by_workspace'), models.Index(fields=['day'], name='usage_by_day'), models.Index(fields=['node', '-ended_at'], name='usage_by_node'), models.Index(fields=['workspace_key', 'work_scope'], name='usage_by_work')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'job')), fields=('node', 'work', 'started_at'), name='one_usage_by_work_at_a_time'), models.UniqueConstraint(condition=models.Q(('kind', 'idle')), fields=('node', 'started_at'), name='one_idle_usage_at_a_time'), models.UniqueConstraint(condition=models.Q(('kind', 'storage')), fields=('workspace_key', 'day'), name='one_storage_usage_of_a_day'), models.CheckConstraint(condition=models.Q(('ended_at__gte', models.F('started_at'))), name='usage_ends_after_its_start')],
            },
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.FloatField()),
                ('unit', models.CharField(choices=[('dollars', 'US dollars'), ('hours', 'node-hours')], default='dollars', max_length=8)),
                ('blocks_new_work', models.BooleanField(default=False)),
                ('stops_idle_nodes', models.BooleanField(default=False)),
                ('spent', models.FloatField(default=0)),
                ('month', models.DateField(blank=True, null=True)),
                ('checked_at', models.DateTimeField(blank=True, null=True)),
                ('is_warned', models.BooleanField(default=False)),
                ('is_used_up', models.BooleanField(default=False)),
                ('person', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='budget', to=settings.AUTH_USER_MODEL)),
                ('subscription', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='budget', to='workspaces.subscription')),
                ('workspace', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='budget', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('person__isnull', False), ('subscription__isnull', True), ('workspace__isnull', True)), models.Q(('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', False)), models.Q(('person__isnull', True), ('subscription__isnull', False), ('workspace__isnull', True)), _connector='OR'), name='a_budget_has_one_scope'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='a_budget_is_more_than_nothing')],
            },
        ),
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cores', models.PositiveIntegerField(blank=True, null=True)),
                ('nodes', models.PositiveIntegerField(blank=True, null=True)),
                ('running_jobs', models.PositiveIntegerField(blank=True, null=True)),
                ('storage_gb', models.PositiveIntegerField(blank=True, null=True)),
                ('person', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quota', to=settings.AUTH_USER_MODEL)),
                ('subscription', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quota', to='workspaces.subscription')),
                ('workspace', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quota', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('person__isnull', False), ('subscription__isnull', True), ('workspace__isnull', True)), models.Q(('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', False)), models.Q(('person__isnull', True), ('subscription__isnull', False), ('workspace__isnull', True)), models.Q(('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', True)), _connector='OR'), name='a_quota_has_one_scope_at_most'), models.UniqueConstraint(models.Value(1), condition=models.Q(('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', True)), name='one_quota_for_each_person')],
            },
        ),
    ]
