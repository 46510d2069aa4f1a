from django.apps import AppConfig

from studio import shell


class LabelingConfig(AppConfig):
    name = "labeling"

    def ready(self):
        # Imported here because it needs the models, which are not loaded earlier.
        from labeling.search import search_projects

        shell.SEARCHES.append(search_projects)
