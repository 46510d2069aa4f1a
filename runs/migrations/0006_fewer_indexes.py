"""Drops indexes whose columns another one begins with, or that held mostly rows without a value: each took a share of every
new run and point."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


DROPPED = [
    ("runs_run", "workspace_id", "runs_run_workspace_id_c1222b68"),
    ("runs_run", "experiment_id", "runs_run_experiment_id_017d27a6"),
    ("runs_run", "parent_id", "runs_run_parent_id_8594b290"),
    ("runs_run", "root_id", "runs_run_root_id_7bba9043"),
    ("runs_run", "made_by_id", "runs_run_made_by_id_74a6e8de"),
    ("runs_run", "snapshot_id", "runs_run_snapshot_id_9f67c138"),
    ("runs_run", "compute_id", "runs_run_compute_id_9f7cc467"),
    ("runs_metricseries", "run_id", "runs_metricseries_run_id_068d32f1"),
    ("runs_metricchunk", "series_id", "runs_metricchunk_series_id_e01f7e25"),
    ("runs_downsampledchunk", "series_id", "runs_downsampledchunk_series_id_70257c29"),
    ("runs_metricbatch", "run_id", "runs_metricbatch_run_id_f0ba27c3"),
    ("runs_runparameter", "run_id", "runs_runparameter_run_id_01e9fe9a"),
    ("runs_runtag", "run_id", "runs_runtag_run_id_ff0f2c96"),
]


class Migration(migrations.Migration):

    dependencies = [
        ('compute', '0005_attached_machines'),
        ('runs', '0005_events_by_time'),
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Not by `AlterField` itself, which copies the whole table on SQLite.
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(f'DROP INDEX IF EXISTS "{name}"', f'CREATE INDEX "{name}" ON "{table}" ("{column}")')
                for table, column, name in DROPPED
            ],
            [
        migrations.AlterField(
            model_name='downsampledchunk',
            name='series',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='downsampled_chunks', to='runs.metricseries'),
        ),
        migrations.AlterField(
            model_name='metricbatch',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.run'),
        ),
        migrations.AlterField(
            model_name='metricchunk',
            name='series',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='runs.metricseries'),
        ),
        migrations.AlterField(
            model_name='metricseries',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='metrics', to='runs.run'),
        ),
        migrations.AlterField(
            model_name='run',
            name='compute',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='compute.computetarget'),
        ),
        migrations.AlterField(
            model_name='run',
            name='experiment',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='runs.experiment'),
        ),
        migrations.AlterField(
            model_name='run',
            name='made_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='made', to='runs.run'),
        ),
        migrations.AlterField(
            model_name='run',
            name='parent',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='children', to='runs.run'),
        ),
        migrations.AlterField(
            model_name='run',
            name='root',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='descendants', to='runs.run'),
        ),
        migrations.AlterField(
            model_name='run',
            name='snapshot',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='runs.snapshot'),
        ),
        migrations.AlterField(
            model_name='run',
            name='workspace',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='workspaces.workspace'),
        ),
        migrations.AlterField(
            model_name='runparameter',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parameter_rows', to='runs.run'),
        ),
        migrations.AlterField(
            model_name='runtag',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tag_rows', to='runs.run'),
        ),
            ],
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('parent__isnull', False)), fields=['parent'], name='runs_by_parent'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('root__isnull', False)), fields=['root'], name='runs_by_root'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('made_by__isnull', False)), fields=['made_by'], name='runs_by_maker'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('snapshot__isnull', False)), fields=['snapshot'], name='runs_by_snapshot'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('compute__isnull', False)), fields=['compute'], name='runs_by_compute'),
        ),
    ]
