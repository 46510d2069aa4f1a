import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compute', '0001_initial'),
        ('costs', '0001_initial'),
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='budget',
            name='a_budget_has_one_scope',
        ),
        migrations.RemoveConstraint(
            model_name='quota',
            name='a_quota_has_one_scope_at_most',
        ),
        migrations.RemoveConstraint(
            model_name='quota',
            name='one_quota_for_each_person',
        ),
        migrations.AddField(
            model_name='budget',
            name='asks_approval',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='budget',
            name='cancels_jobs',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='budget',
            name='group',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='budget', to='workspaces.usergroup'),
        ),
        migrations.AddField(
            model_name='quota',
            name='gpus',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='quota',
            name='group',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quota', to='workspaces.usergroup'),
        ),
        migrations.AddField(
            model_name='quota',
            name='is_soft',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='quota',
            name='memory_gb',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('group__isnull', True), ('person__isnull', False), ('subscription__isnull', True), ('workspace__isnull', True)), models.Q(('group__isnull', False), ('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', True)), models.Q(('group__isnull', True), ('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', False)), models.Q(('group__isnull', True), ('person__isnull', True), ('subscription__isnull', False), ('workspace__isnull', True)), _connector='OR'), name='a_budget_has_one_scope'),
        ),
        migrations.AddConstraint(
            model_name='quota',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('group__isnull', True), ('person__isnull', False), ('subscription__isnull', True), ('workspace__isnull', True)), models.Q(('group__isnull', False), ('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', True)), models.Q(('group__isnull', True), ('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', False)), models.Q(('group__isnull', True), ('person__isnull', True), ('subscription__isnull', False), ('workspace__isnull', True)), models.Q(('group__isnull', True), ('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', True)), _connector='OR'), name='a_quota_has_one_scope_at_most'),
        ),
        migrations.AddConstraint(
            model_name='quota',
            constraint=models.UniqueConstraint(models.Value(1), condition=models.Q(('group__isnull', True), ('person__isnull', True), ('subscription__isnull', True), ('workspace__isnull', True)), name='one_quota_for_each_person'),
        ),
        migrations.AddField(
            model_name='approval',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='approval',
            name='work',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='approval', to='compute.work'),
        ),
    ]
