import django.db.models.deletion
import django.utils.timezone
import registry.models.logged_models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('runs', '0001_initial'),
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LoggedModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model_id', models.CharField(default=registry.models.logged_models.new_model_id, max_length=64, unique=True)),
                ('experiment_uuid', models.UUIDField()),
                ('source_run_id', models.CharField(blank=True, db_index=True, max_length=256)),
                ('name', models.CharField(max_length=500)),
                ('model_type', models.CharField(blank=True, max_length=500)),
                ('status', models.CharField(choices=[('LOGGED_MODEL_PENDING', 'Pending'), ('LOGGED_MODEL_READY', 'Ready'), ('LOGGED_MODEL_UPLOAD_FAILED', 'Failed')], default='LOGGED_MODEL_PENDING', max_length=30)),
                ('params', models.JSONField(blank=True, default=dict)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('made_by_run', models.CharField(blank=True, max_length=256)),
                ('metrics', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('experiment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='logged_models', to='runs.experiment')),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='logged_models', to='runs.run')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='logged_models', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Model',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255)),
                ('description', models.TextField(blank=True)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('aliases', models.JSONField(blank=True, default=dict)),
                ('made_by_run', models.CharField(blank=True, max_length=256)),
                ('version_count', models.PositiveIntegerField(default=0, help_text='Also the number of the newest version; no number is used twice.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='models', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ModelFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.CharField(max_length=1000)),
                ('size', models.PositiveBigIntegerField()),
                ('key', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='registry.loggedmodel')),
            ],
            options={
                'ordering': ['path'],
            },
        ),
        migrations.CreateModel(
            name='ModelStar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stars', to='registry.model')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ModelVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('description', models.TextField(blank=True)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('properties', models.JSONField(blank=True, default=dict)),
                ('stage', models.CharField(choices=[('None', 'None'), ('Staging', 'Staging'), ('Production', 'Production'), ('Archived', 'Archived')], default='None', max_length=10)),
                ('source', models.TextField()),
                ('source_run_id', models.CharField(blank=True, db_index=True, max_length=256)),
                ('run_link', models.TextField(blank=True)),
                ('made_by_run', models.CharField(blank=True, max_length=256)),
                ('model_type', models.CharField(choices=[('custom_model', 'Custom'), ('mlflow_model', 'MLflow'), ('triton_model', 'Triton'), ('prompt', 'Prompt')], default='custom_model', max_length=20)),
                ('framework', models.CharField(blank=True, max_length=100)),
                ('framework_version', models.CharField(blank=True, max_length=100)),
                ('flavors', models.JSONField(blank=True, default=dict)),
                ('datasets', models.JSONField(blank=True, default=list)),
                ('sample_input', models.CharField(blank=True, max_length=500)),
                ('sample_output', models.CharField(blank=True, max_length=500)),
                ('resources', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('is_latest', models.BooleanField(default=False, help_text='The newest version of its model that is not deleted.')),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('logged_model', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='versions', to='registry.loggedmodel')),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='registry.model')),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='model_versions', to='runs.run')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='model_versions', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='PromotionRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('alias', 'Alias'), ('stage', 'Stage')], default='alias', max_length=5)),
                ('name', models.CharField(max_length=255)),
                ('model_name', models.CharField(blank=True, max_length=255)),
                ('role', models.CharField(blank=True, max_length=100)),
                ('needs_other_person', models.BooleanField(default=False)),
                ('needs_description', models.BooleanField(default=False)),
                ('needs_signature', models.BooleanField(default=False)),
                ('needs_tags', models.JSONField(blank=True, default=dict)),
                ('needs_metrics', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='promotion_rules', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['kind', 'name', 'model_name'],
            },
        ),
        migrations.CreateModel(
            name='RunModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model_id', models.CharField(max_length=64)),
                ('made', models.BooleanField(help_text='Created by the run; otherwise read by it.')),
                ('step', models.BigIntegerField(default=0)),
                ('logged_model', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='run_links', to='registry.loggedmodel')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='model_links', to='runs.run')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='WorkspaceFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.CharField(max_length=1000)),
                ('size', models.PositiveBigIntegerField()),
                ('key', models.CharField(db_index=True, max_length=200)),
                ('made_by_run', models.CharField(blank=True, max_length=256)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='artifact_files', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['path'],
            },
        ),
        migrations.AddIndex(
            model_name='model',
            index=models.Index(models.F('workspace'), condition=models.Q(('version_count', 0)), name='models_without_versions'),
        ),
        migrations.AddConstraint(
            model_name='model',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('workspace', 'name'), name='one_model_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='modelfile',
            constraint=models.UniqueConstraint(fields=('model', 'path'), name='one_model_file_of_a_path'),
        ),
        migrations.AddConstraint(
            model_name='modelstar',
            constraint=models.UniqueConstraint(fields=('user', 'model'), name='one_star_of_a_model'),
        ),
        migrations.AddIndex(
            model_name='modelversion',
            index=models.Index(fields=['workspace', 'deleted_at', 'archived_at', '-created_at', '-id'], name='versions_in_list'),
        ),
        migrations.AddIndex(
            model_name='modelversion',
            index=models.Index(condition=models.Q(('is_latest', True)), fields=['workspace', 'deleted_at', 'archived_at', '-created_at', '-id'], name='latest_versions_in_list'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.UniqueConstraint(fields=('model', 'number'), name='one_version_of_a_model_number'),
        ),
        migrations.AddConstraint(
            model_name='promotionrule',
            constraint=models.UniqueConstraint(fields=('workspace', 'kind', 'name', 'model_name'), name='one_rule_of_a_promotion'),
        ),
        migrations.AddConstraint(
            model_name='runmodel',
            constraint=models.UniqueConstraint(fields=('run', 'model_id', 'made'), name='one_link_to_a_model'),
        ),
        migrations.AddConstraint(
            model_name='workspacefile',
            constraint=models.UniqueConstraint(fields=('workspace', 'path'), name='one_workspace_file_of_a_path'),
        ),
    ]
