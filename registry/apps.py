from django.apps import AppConfig

from studio import shell


class RegistryConfig(AppConfig):
    name = "registry"

    def ready(self):
        # Imported here because it needs the models, which are not loaded earlier.
        from registry import data_lineage, lineage, purging, search

        purging.register()
        lineage.register()
        data_lineage.register()
        shell.SEARCHES.append(search.search_models)
