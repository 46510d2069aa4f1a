from django.apps import AppConfig

from studio import links
from studio.findings import APP_CHECKS
from studio.shell import Shell


class OperationsConfig(AppConfig):
    name = "operations"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from operations import checks, job_records
        from operations.models import Announcement

        links.register(undo_request="operations:request")
        Shell.announcements_now = staticmethod(Announcement.objects.shown_now)
        job_records.connect_signals()
        APP_CHECKS.append(checks.check_background_tasks)
