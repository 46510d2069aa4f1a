import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
import studio.search.db_functions
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('compute', '0001_initial'),
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='MetricSeries',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=256)),
                ('kind', models.CharField(choices=[('scalar', 'Scalar'), ('list', 'List'), ('table', 'Table'), ('image', 'Image'), ('confusion_matrix', 'Confusion Matrix'), ('residuals', 'Residuals'), ('predictions', 'Predictions'), ('accuracy_table', 'Accuracy Table')], max_length=20)),
                ('values', models.CharField(choices=[('int', 'Int'), ('float', 'Float'), ('json', 'Json')], default='float', max_length=5)),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('loose', models.PositiveIntegerField(default=0)),
                ('last', models.FloatField(null=True)),
                ('last_step', models.BigIntegerField(null=True)),
                ('last_at', models.DateTimeField(null=True)),
                ('min', models.FloatField(null=True)),
                ('min_step', models.BigIntegerField(null=True)),
                ('max', models.FloatField(null=True)),
                ('max_step', models.BigIntegerField(null=True)),
                ('first_step', models.BigIntegerField(null=True)),
                ('shown', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'verbose_name_plural': 'metric series',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='Experiment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=500)),
                ('experiment_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('description', models.TextField(blank=True, max_length=5000)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('run_count', models.PositiveIntegerField(default=0, help_text='Also the number of the newest run.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='experiments', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='HomeVisit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='ListFacets',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.JSONField(default=dict)),
                ('counted_at', models.DateTimeField(null=True)),
                ('is_wanted', models.BooleanField(default=True)),
                ('experiment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.experiment')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'verbose_name_plural': 'list facets',
            },
        ),
        migrations.CreateModel(
            name='MetricChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.PositiveBigIntegerField()),
                ('count', models.PositiveIntegerField()),
                ('data', models.BinaryField()),
                ('series', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='runs.metricseries')),
            ],
        ),
        migrations.CreateModel(
            name='DownsampledChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.PositiveBigIntegerField()),
                ('count', models.PositiveIntegerField()),
                ('min_step', models.BigIntegerField()),
                ('max_step', models.BigIntegerField()),
                ('min_time', models.BigIntegerField()),
                ('max_time', models.BigIntegerField()),
                ('gaps', models.PositiveIntegerField(default=0)),
                ('data', models.BinaryField()),
                ('series', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='downsampled_chunks', to='runs.metricseries')),
            ],
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run_id', models.CharField(max_length=256)),
                ('number', models.PositiveIntegerField()),
                ('display_name', models.CharField(max_length=256)),
                ('description', models.TextField(blank=True, max_length=5000)),
                ('run_type', models.CharField(blank=True, max_length=60)),
                ('status', models.CharField(choices=[('NotStarted', 'Not started'), ('Preparing', 'Preparing'), ('Provisioning', 'Provisioning'), ('Starting', 'Starting'), ('Queued', 'Queued'), ('Running', 'Running'), ('Finalizing', 'Finalizing'), ('CancelRequested', 'Cancel requested'), ('Completed', 'Completed'), ('Failed', 'Failed'), ('Canceled', 'Canceled')], default='NotStarted', max_length=16)),
                ('job', models.JSONField(blank=True, default=dict)),
                ('environment_name', models.CharField(blank=True, max_length=255)),
                ('environment_version', models.CharField(blank=True, max_length=30)),
                ('target_name', models.CharField(blank=True, max_length=64)),
                ('node_name', models.CharField(blank=True, max_length=60)),
                ('error', models.JSONField(blank=True, default=dict)),
                ('warnings', models.JSONField(blank=True, default=list)),
                ('properties', models.JSONField(blank=True, default=dict)),
                ('heartbeat_at', models.DateTimeField(blank=True, help_text='Set by a runner; empty for an interactive run.', null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('revision', models.PositiveBigIntegerField(default=0)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('compute', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='compute.computetarget')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='runs.experiment')),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='made', to='runs.run')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='children', to='runs.run')),
                ('root', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='descendants', to='runs.run')),
                ('work', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='run', to='compute.work')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
            },
        ),
        migrations.AddField(
            model_name='metricseries',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='metrics', to='runs.run'),
        ),
        migrations.CreateModel(
            name='MetricBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('batch_id', models.CharField(max_length=64)),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.run')),
            ],
            options={
                'verbose_name_plural': 'metric batches',
            },
        ),
        migrations.CreateModel(
            name='Artifact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.CharField(max_length=1000)),
                ('size', models.PositiveBigIntegerField(default=0)),
                ('content_type', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='artifacts', to='runs.run')),
            ],
            options={
                'ordering': ['path'],
            },
        ),
        migrations.CreateModel(
            name='RunColour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('colour', models.PositiveSmallIntegerField()),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.run')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='RunDataset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=500)),
                ('digest', models.CharField(max_length=36)),
                ('source_type', models.TextField(blank=True)),
                ('source', models.TextField(blank=True)),
                ('schema', models.TextField(blank=True)),
                ('profile', models.TextField(blank=True)),
                ('context', models.CharField(blank=True, max_length=500)),
                ('tags', models.JSONField(default=dict)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='datasets', to='runs.run')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='RunEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('NotStarted', 'Not started'), ('Preparing', 'Preparing'), ('Provisioning', 'Provisioning'), ('Starting', 'Starting'), ('Queued', 'Queued'), ('Running', 'Running'), ('Finalizing', 'Finalizing'), ('CancelRequested', 'Cancel requested'), ('Completed', 'Completed'), ('Failed', 'Failed'), ('Canceled', 'Canceled')], max_length=16)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('message', models.CharField(blank=True, max_length=1000)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='runs.run')),
            ],
            options={
                'ordering': ['at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='RunParameter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=256)),
                ('value', models.TextField(blank=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parameter_rows', to='runs.run')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='RunTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=256)),
                ('value', models.TextField(blank=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tag_rows', to='runs.run')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(blank=True, max_length=100)),
                ('query', models.TextField(max_length=3500)),
                ('shared', models.BooleanField(default=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('experiment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to='runs.experiment')),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('snapshot_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('digest', models.CharField(max_length=64)),
                ('key', models.CharField(max_length=200)),
                ('size', models.PositiveBigIntegerField()),
                ('files', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('used_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='snapshots', to='workspaces.workspace')),
            ],
        ),
        migrations.AddField(
            model_name='run',
            name='snapshot',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='runs.snapshot'),
        ),
        migrations.CreateModel(
            name='Star',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stars', to='runs.run')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stars', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='TagEdit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('name', models.CharField(max_length=256)),
                ('value', models.TextField(blank=True)),
                ('is_removal', models.BooleanField(default=False)),
                ('before', models.JSONField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='ArtifactSegment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('offset', models.PositiveBigIntegerField()),
                ('size', models.PositiveBigIntegerField()),
                ('key', models.CharField(max_length=200)),
                ('artifact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='segments', to='runs.artifact')),
            ],
            options={
                'ordering': ['offset'],
                'constraints': [models.UniqueConstraint(fields=('artifact', 'offset'), name='one_segment_at_a_place')],
            },
        ),
        migrations.AddIndex(
            model_name='experiment',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['deleted_at', 'workspace'], name='experiments_in_trash'),
        ),
        migrations.AddConstraint(
            model_name='experiment',
            constraint=models.UniqueConstraint(fields=('workspace', 'name'), name='one_experiment_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='homevisit',
            constraint=models.UniqueConstraint(fields=('user', 'workspace'), name='one_home_visit_of_a_person'),
        ),
        migrations.AddConstraint(
            model_name='listfacets',
            constraint=models.UniqueConstraint(condition=models.Q(('experiment', None)), fields=('workspace',), name='facets_of_a_workspace'),
        ),
        migrations.AddConstraint(
            model_name='listfacets',
            constraint=models.UniqueConstraint(condition=models.Q(('experiment', None), _negated=True), fields=('experiment',), name='facets_of_an_experiment'),
        ),
        migrations.AddConstraint(
            model_name='metricchunk',
            constraint=models.UniqueConstraint(fields=('series', 'start'), name='one_chunk_at_a_place'),
        ),
        migrations.AddConstraint(
            model_name='downsampledchunk',
            constraint=models.UniqueConstraint(fields=('series', 'start'), name='one_downsampled_chunk_at_a_start'),
        ),
        migrations.AddIndex(
            model_name='metricseries',
            index=models.Index(fields=['name', 'last', 'run'], name='series_by_value'),
        ),
        migrations.AddIndex(
            model_name='metricseries',
            index=models.Index(fields=['name', 'min', 'run'], name='series_by_min'),
        ),
        migrations.AddIndex(
            model_name='metricseries',
            index=models.Index(fields=['name', 'max', 'run'], name='series_by_max'),
        ),
        migrations.AddConstraint(
            model_name='metricseries',
            constraint=models.UniqueConstraint(fields=('run', 'name'), name='one_series_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='metricbatch',
            constraint=models.UniqueConstraint(fields=('run', 'batch_id'), name='one_batch_of_an_id'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.UniqueConstraint(fields=('run', 'path'), name='one_artifact_of_a_path'),
        ),
        migrations.AddConstraint(
            model_name='runcolour',
            constraint=models.UniqueConstraint(fields=('user', 'run'), name='one_colour_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='rundataset',
            index=models.Index(fields=['name', 'digest'], name='datasets_by_name'),
        ),
        migrations.AddConstraint(
            model_name='rundataset',
            constraint=models.UniqueConstraint(fields=('run', 'name', 'digest'), name='one_dataset_of_a_digest'),
        ),
        migrations.AddIndex(
            model_name='runparameter',
            index=models.Index(models.F('name'), studio.search.db_functions.ValueStart('value'), models.F('run'), name='parameters_by_value'),
        ),
        migrations.AddIndex(
            model_name='runparameter',
            index=models.Index(models.F('name'), studio.search.db_functions.AsNumber('value'), models.F('run'), name='parameters_by_number'),
        ),
        migrations.AddConstraint(
            model_name='runparameter',
            constraint=models.UniqueConstraint(fields=('run', 'name'), name='one_parameter_of_a_name'),
        ),
        migrations.AddIndex(
            model_name='runtag',
            index=models.Index(models.F('name'), studio.search.db_functions.ValueStart('value'), models.F('run'), name='tags_by_value'),
        ),
        migrations.AddIndex(
            model_name='runtag',
            index=models.Index(models.F('name'), studio.search.db_functions.AsNumber('value'), models.F('run'), name='tags_by_number'),
        ),
        migrations.AddConstraint(
            model_name='runtag',
            constraint=models.UniqueConstraint(fields=('run', 'name'), name='one_tag_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(condition=models.Q(('experiment', None)), fields=('workspace', 'owner', 'name'), name='one_view_of_all_jobs'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(condition=models.Q(('experiment', None), _negated=True), fields=('workspace', 'owner', 'name', 'experiment'), name='one_view_of_an_experiment'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(condition=models.Q(('experiment', None), ('owner', None)), fields=('workspace',), name='one_layout_of_all_jobs'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('experiment', None), _negated=True), ('owner', None)), fields=('experiment',), name='one_layout_of_an_experiment'),
        ),
        migrations.AddConstraint(
            model_name='snapshot',
            constraint=models.UniqueConstraint(fields=('workspace', 'digest'), name='one_snapshot_of_a_content'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['workspace', '-created_at', '-id'], name='runs_newest'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['experiment', '-created_at', '-id'], name='runs_of_experiment'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['workspace', 'deleted_at', 'status', 'parent'], name='runs_counted'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['experiment', 'deleted_at', 'status', 'parent'], name='runs_counted_of_experiment'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['workspace', 'environment_name', '-created_at'], name='runs_of_environment'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['workspace', 'status', '-ended_at'], name='runs_by_end'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(models.F('experiment'), models.OrderBy(django.db.models.functions.comparison.Coalesce('started_at', 'created_at'), descending=True), models.F('run_id'), name='runs_by_start'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('status__in', ['Completed', 'Failed', 'Canceled']), _negated=True), fields=['status'], name='runs_active'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['deleted_at', 'workspace'], name='runs_in_trash'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(fields=('workspace', 'run_id'), name='one_run_of_an_id'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(fields=('experiment', 'number'), name='one_run_of_a_number'),
        ),
        migrations.AddConstraint(
            model_name='star',
            constraint=models.UniqueConstraint(fields=('user', 'run'), name='one_star_of_a_person'),
        ),
    ]
