from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from backups.before_migration import copy_before_migration
        from backups.models import Backup, check_last_backup
        from studio import database_history, storage
        from studio.findings import APP_CHECKS

        database_history.BEFORE_MIGRATION.append(copy_before_migration)
        storage.HOLDS.append(Backup.objects.is_any_running)
        APP_CHECKS.append(check_last_backup)
