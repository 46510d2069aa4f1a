from django.apps import AppConfig

from studio import links


class NotebooksConfig(AppConfig):
    name = "notebooks"

    def ready(self):
        # Imported here because it needs the models, which are not loaded earlier.
        from notebooks import purging

        purging.register()
        links.register(notebooks="notebooks:files")
