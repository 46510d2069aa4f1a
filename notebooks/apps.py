from django.apps import AppConfig

from studio import links


class NotebooksConfig(AppConfig):
    name = "notebooks"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from assets.data.share_files import TRASHES
        from notebooks import purging
        from notebooks.models import TrashedFile

        purging.register()
        TRASHES.append(TrashedFile.move_to_trash)
        links.register(notebooks="notebooks:files")
