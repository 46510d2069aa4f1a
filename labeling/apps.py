from django.apps import AppConfig

from studio import shell


class LabelingConfig(AppConfig):
    name = "labeling"

    def ready(self):
        # Imported here because it needs the models, which are not loaded earlier.
        from labeling.search import list_projects_of, search_projects
        from runs.pages.data import dependents

        dependents.PROVIDERS.append(list_projects_of)
        shell.SEARCHES.append(search_projects)
