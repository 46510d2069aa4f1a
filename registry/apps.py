from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"

    def ready(self):
        # Imported here because it needs the models, which are not loaded earlier.
        from registry import purging

        purging.register()
