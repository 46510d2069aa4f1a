import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid
import workspaces.vault.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subscription_id', models.CharField(max_length=100, unique=True)),
                ('display_name', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'ordering': ['subscription_id'],
            },
        ),
        migrations.CreateModel(
            name='CustomRole',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('role_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('description', models.TextField(blank=True, max_length=2000)),
                ('actions', models.JSONField(default=list)),
                ('not_actions', models.JSONField(blank=True, default=list)),
                ('assignable_scopes', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='one_custom_role_of_a_name')],
            },
        ),
        migrations.CreateModel(
            name='ResourceGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=90)),
                ('location', models.CharField(default='eastus', max_length=40)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='resource_groups', to='workspaces.subscription')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='UserGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('members', models.ManyToManyField(blank=True, related_name='member_of', to=settings.AUTH_USER_MODEL)),
                ('owners', models.ManyToManyField(blank=True, related_name='owner_of', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'group',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ClaimMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(max_length=200)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mappings', to='accounts.identityprovider')),
                ('group', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='claim_mappings', to='workspaces.usergroup')),
            ],
            options={
                'ordering': ['value', 'group__name'],
            },
        ),
        migrations.CreateModel(
            name='ClaimedMembership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='accounts.identityprovider')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claimed_memberships', to=settings.AUTH_USER_MODEL)),
                ('group', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='claimed_memberships', to='workspaces.usergroup')),
            ],
        ),
        migrations.CreateModel(
            name='Workspace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=33)),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('workspace_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('location', models.CharField(default='eastus', max_length=40)),
                ('friendly_name', models.CharField(blank=True, max_length=100)),
                ('description', models.TextField(blank=True, max_length=5000)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('sku', models.CharField(default='Basic', max_length=20)),
                ('hbi_workspace', models.BooleanField(default=False)),
                ('storage_account', models.CharField(max_length=100)),
                ('key_vault', models.CharField(max_length=100)),
                ('application_insights', models.CharField(max_length=260)),
                ('container_registry', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('resource_group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='workspaces', to='workspaces.resourcegroup')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=127)),
                ('for_runs', models.BooleanField(default=True)),
                ('internal', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='workspaces.workspace')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='RoleAssignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(max_length=100)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='workspaces.customrole')),
                ('resource_group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='workspaces.resourcegroup')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='roles', to=settings.AUTH_USER_MODEL)),
                ('subscription', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='workspaces.subscription')),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='workspaces.usergroup')),
                ('workspace', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Home',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='homes', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='SecretVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(default=workspaces.vault.models.make_version, editable=False, max_length=32)),
                ('text', models.TextField(editable=False)),
                ('key_id', models.CharField(editable=False, max_length=12)),
                ('content_type', models.CharField(blank=True, max_length=255)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('secret', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='workspaces.secret')),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('secret', 'version'), name='one_version_of_a_secret')],
            },
        ),
        migrations.AddConstraint(
            model_name='resourcegroup',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), models.F('subscription'), name='one_group_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='usergroup',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='one_user_group_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='claimmapping',
            constraint=models.UniqueConstraint(fields=('provider', 'value', 'group'), name='one_claim_mapping_of_a_group'),
        ),
        migrations.AddConstraint(
            model_name='claimmapping',
            constraint=models.UniqueConstraint(condition=models.Q(('group', None)), fields=('provider', 'value'), name='one_claim_mapping_of_site_admins'),
        ),
        migrations.AddConstraint(
            model_name='claimedmembership',
            constraint=models.UniqueConstraint(fields=('user', 'provider', 'group'), name='one_claimed_membership'),
        ),
        migrations.AddConstraint(
            model_name='claimedmembership',
            constraint=models.UniqueConstraint(condition=models.Q(('group', None)), fields=('user', 'provider'), name='one_claimed_admin'),
        ),
        migrations.AddConstraint(
            model_name='workspace',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), models.F('resource_group'), name='one_workspace_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='secret',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), models.F('workspace'), name='one_secret_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='roleassignment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('resource_group__isnull', True), ('subscription__isnull', False), ('workspace__isnull', True)), models.Q(('resource_group__isnull', False), ('subscription__isnull', True), ('workspace__isnull', True)), models.Q(('resource_group__isnull', True), ('subscription__isnull', True), ('workspace__isnull', False)), _connector='OR'), name='a_role_has_one_scope'),
        ),
        migrations.AddConstraint(
            model_name='roleassignment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('group__isnull', True), ('user__isnull', False)), models.Q(('group__isnull', False), ('user__isnull', True)), _connector='OR'), name='a_role_has_one_holder'),
        ),
        migrations.AddConstraint(
            model_name='roleassignment',
            constraint=models.CheckConstraint(condition=models.Q(('custom_role__isnull', False), ('role__in', ['Owner', 'Contributor', 'AzureML Data Scientist', 'AzureML Compute Operator', 'Reader']), _connector='OR'), name='a_role_is_known'),
        ),
        migrations.AddConstraint(
            model_name='home',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), models.F('workspace'), name='one_home_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='home',
            constraint=models.UniqueConstraint(fields=('workspace', 'user'), name='one_home_of_a_person'),
        ),
    ]
