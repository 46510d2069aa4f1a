from django.apps import AppConfig

from studio.shell import Shell


class NoticesConfig(AppConfig):
    name = "notices"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from notices.models import Notification

        Shell.count_unread = staticmethod(Notification.objects.count_unread)
