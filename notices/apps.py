from django.apps import AppConfig

from studio import encryption


class NoticesConfig(AppConfig):
    name = "notices"

    def ready(self):
        # Imported here because it is not loaded earlier.
        from notices.models import Webhook

        encryption.register_columns(Webhook, "secret_text")
