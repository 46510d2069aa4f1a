import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ComputeTarget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=32)),
                ('kind', models.CharField(choices=[('AmlCompute', 'Compute cluster'), ('ComputeInstance', 'Compute instance'), ('AKS', 'Inference cluster'), ('ContainerInstance', 'Container instance')], default='AmlCompute', max_length=20)),
                ('state', models.CharField(choices=[('Creating', 'Creating'), ('Succeeded', 'Succeeded'), ('Failed', 'Failed'), ('Deleting', 'Deleting')], default='Succeeded', max_length=12)),
                ('location', models.CharField(max_length=40)),
                ('description', models.TextField(blank=True, max_length=5000)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('vm_size', models.CharField(max_length=40)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('resized_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='compute_targets', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Host',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True)),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('cpus', models.PositiveIntegerField(default=1)),
                ('memory_gb', models.FloatField(default=1)),
                ('gpus', models.PositiveSmallIntegerField(default=0)),
                ('address', models.CharField(blank=True, max_length=100)),
                ('system', models.CharField(blank=True, max_length=200)),
                ('boot', models.CharField(blank=True, max_length=100)),
                ('joined_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('watched_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('detached_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('heartbeat_at', models.DateTimeField(blank=True, null=True)),
                ('isolation_problem', models.CharField(blank=True, max_length=300)),
                ('wheel_cache_bytes', models.BigIntegerField(blank=True, null=True)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('quarantined_at', models.DateTimeField(blank=True, null=True)),
                ('quarantine_reason', models.CharField(blank=True, max_length=500)),
                ('drained_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ComputeInstance',
            fields=[
                ('target', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='instance', serialize=False, to='compute.computetarget')),
                ('label', models.CharField(blank=True, max_length=40)),
                ('server_token', models.CharField(blank=True, max_length=64)),
                ('idle_minutes', models.PositiveIntegerField(blank=True, null=True)),
                ('active_at', models.DateTimeField(blank=True, null=True)),
                ('stops_at', models.DateTimeField(blank=True, null=True)),
                ('operation', models.CharField(choices=[('Create', 'Create'), ('Start', 'Start'), ('Restart', 'Restart'), ('Stop', 'Stop')], default='Create', max_length=8)),
                ('operation_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('operation_trigger', models.CharField(default='User', max_length=20)),
                ('assigned_to', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='compute_instances', to=settings.AUTH_USER_MODEL)),
                ('token', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.token')),
            ],
        ),
        migrations.CreateModel(
            name='JoinToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('host', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='compute.host')),
            ],
        ),
        migrations.CreateModel(
            name='Node',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True)),
                ('cores', models.PositiveSmallIntegerField(default=1)),
                ('memory_gb', models.FloatField(default=1)),
                ('gpus', models.PositiveSmallIntegerField(default=0)),
                ('state', models.CharField(choices=[('preparing', 'Preparing'), ('idle', 'Idle'), ('running', 'Running'), ('leaving', 'Leaving'), ('unusable', 'Unusable'), ('preempted', 'Preempted')], default='preparing', max_length=12)),
                ('message', models.CharField(blank=True, max_length=500)),
                ('pid', models.PositiveIntegerField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('state_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('heartbeat_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('drained_at', models.DateTimeField(blank=True, null=True)),
                ('host', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='nodes', to='compute.host')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='nodes', to='compute.computetarget')),
            ],
            options={
                'ordering': ['created_at'],
            },
        ),
        migrations.CreateModel(
            name='VmSize',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('family', models.CharField(max_length=60)),
                ('category', models.CharField(default='General purpose', max_length=40)),
                ('vcpus', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='vCPUs')),
                ('memory_gb', models.FloatField(validators=[django.core.validators.MinValueValidator(0.1)], verbose_name='memory in GB')),
                ('storage_gb', models.PositiveIntegerField(default=0, verbose_name='storage in GB')),
                ('gpus', models.PositiveSmallIntegerField(default=0, verbose_name='GPUs')),
                ('gpu', models.CharField(blank=True, max_length=60, verbose_name='kind of GPU')),
                ('hourly_price', models.FloatField(blank=True, help_text='Empty: VM_PRICES decides.', null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='US dollars an hour')),
                ('is_offered', models.BooleanField(default=True, help_text='If it is not offered, existing clusters keep it.', verbose_name='offered')),
                ('follows_machines', models.BooleanField(default=False, help_text="It grows to Azure's numbers when a larger machine connects. A change of its numbers ends this.")),
            ],
            options={
                'verbose_name': 'size',
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='one_size_of_a_name')],
            },
        ),
        migrations.CreateModel(
            name='Work',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('scope', models.CharField(max_length=300)),
                ('spec', models.JSONField(default=dict)),
                ('priority', models.SmallIntegerField(default=0)),
                ('life', models.CharField(choices=[('ends', 'Ends by itself'), ('kept-up', 'Kept up')], default='ends', max_length=8)),
                ('cores', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('memory_gb', models.FloatField(default=0)),
                ('gpus', models.PositiveSmallIntegerField(default=0)),
                ('node_count', models.PositiveSmallIntegerField(default=1)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('claimed', 'Claimed'), ('done', 'Done'), ('lost', 'Lost'), ('canceled', 'Canceled')], default='queued', max_length=10)),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('restarts', models.PositiveIntegerField(default=0)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('stop_requested_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('queued_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('claimed_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('submitted_by', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='work', to='compute.computetarget')),
            ],
        ),
        migrations.CreateModel(
            name='Samples',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seconds', models.PositiveSmallIntegerField()),
                ('begins_at', models.DateTimeField()),
                ('columns', models.JSONField()),
                ('host', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='samples', to='compute.host')),
                ('node', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='samples', to='compute.node')),
                ('work', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='samples', to='compute.work')),
            ],
            options={
                'verbose_name_plural': 'samples',
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempt', models.PositiveIntegerField()),
                ('rank', models.PositiveSmallIntegerField(default=0)),
                ('cores', models.PositiveSmallIntegerField(default=0)),
                ('memory_gb', models.FloatField(default=0)),
                ('gpus', models.PositiveSmallIntegerField(default=0)),
                ('gpu_ids', models.TextField(blank=True)),
                ('lease_until', models.DateTimeField()),
                ('address', models.CharField(blank=True, max_length=200)),
                ('health', models.CharField(blank=True, choices=[('', 'Unknown'), ('starting', 'Starting'), ('healthy', 'Healthy'), ('unhealthy', 'Unhealthy')], default='', max_length=10)),
                ('stage', models.CharField(blank=True, choices=[('', 'Starting'), ('ready', 'Ready'), ('probed', 'Probed')], default='', max_length=8)),
                ('claimed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('handed_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('node', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='compute.node')),
                ('work', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='compute.work')),
            ],
            options={
                'ordering': ['-attempt', 'rank'],
            },
        ),
        migrations.CreateModel(
            name='Cluster',
            fields=[
                ('target', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='cluster', serialize=False, to='compute.computetarget')),
                ('vm_priority', models.CharField(choices=[('Dedicated', 'Dedicated'), ('LowPriority', 'Low priority')], default='Dedicated', max_length=12)),
                ('purpose', models.CharField(blank=True, choices=[('FastProd', 'Production'), ('DevTest', 'Development and tests')], max_length=10)),
                ('min_nodes', models.PositiveIntegerField(default=0)),
                ('max_nodes', models.PositiveIntegerField(default=1)),
                ('idle_seconds', models.PositiveIntegerField(default=120)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('min_nodes__lte', models.F('max_nodes'))), name='min_nodes_at_most_max_nodes')],
            },
        ),
        migrations.CreateModel(
            name='ComputeSchedule',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('action', models.CharField(choices=[('Start', 'Start'), ('Stop', 'Stop')], max_length=5)),
                ('expression', models.CharField(max_length=300)),
                ('zone', models.CharField(max_length=60)),
                ('recurrence', models.JSONField(blank=True, null=True)),
                ('start_time', models.CharField(blank=True, max_length=40)),
                ('next_at', models.DateTimeField(blank=True, db_index=True, null=True)),
                ('last_at', models.DateTimeField(blank=True, null=True)),
                ('last_result', models.CharField(blank=True, max_length=300)),
                ('instance', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='schedules', to='compute.computeinstance')),
            ],
            options={
                'ordering': ['action', 'expression', 'pk'],
            },
        ),
        migrations.AddField(
            model_name='computeinstance',
            name='work',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='compute.work'),
        ),
        migrations.CreateModel(
            name='ApplicationSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('session', models.CharField(max_length=40)),
                ('path', models.CharField(max_length=2000)),
                ('ticket', models.CharField(blank=True, db_index=True, max_length=64)),
                ('cookie', models.CharField(blank=True, db_index=True, max_length=64)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('instance', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to='compute.computeinstance')),
            ],
        ),
        migrations.AddConstraint(
            model_name='computetarget',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), models.F('workspace'), condition=models.Q(('deleted_at', None)), name='one_compute_of_a_name'),
        ),
        migrations.AddIndex(
            model_name='node',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['target'], name='present_nodes'),
        ),
        migrations.AddIndex(
            model_name='work',
            index=models.Index(fields=['target', 'state', '-priority', 'queued_at'], name='work_queue'),
        ),
        migrations.AddIndex(
            model_name='work',
            index=models.Index(fields=['scope'], name='work_scope'),
        ),
        migrations.AddIndex(
            model_name='samples',
            index=models.Index(fields=['host', 'begins_at'], name='samples_of_host'),
        ),
        migrations.AddIndex(
            model_name='samples',
            index=models.Index(fields=['work', 'begins_at'], name='samples_of_work'),
        ),
        migrations.AddIndex(
            model_name='samples',
            index=models.Index(fields=['seconds', 'begins_at'], name='samples_by_age'),
        ),
        migrations.AddConstraint(
            model_name='samples',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('host', None), ('work__isnull', False)), models.Q(('host__isnull', False), ('work', None)), _connector='OR'), name='samples_of_one'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['node'], name='current_assignments'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['lease_until'], name='assignment_leases'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('work', 'rank'), name='one_node_of_a_rank'),
        ),
        migrations.AddConstraint(
            model_name='computeinstance',
            constraint=models.UniqueConstraint(condition=models.Q(('label', ''), _negated=True), fields=('label',), name='one_instance_of_a_label'),
        ),
    ]
