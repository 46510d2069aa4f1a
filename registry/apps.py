from django.apps import AppConfig

from studio import links, shell


class RegistryConfig(AppConfig):
    name = "registry"

    def ready(self):
        # Imported here because it needs the models, which are not loaded earlier.
        from registry import data_lineage, dependents, kept_files, lineage, purging, search, version_files
        from runs.files import artifact_store, artifacts
        from runs.pages.data import dependents as data_dependents
        from runs.pages.data import views as data_views

        purging.register()
        lineage.register()
        data_lineage.register()
        tabs = [("models", "Models", "registry:data_models"), ("lineage", "Lineage", "registry:data_lineage")]
        data_views.TABS.extend(tabs)
        data_dependents.PROVIDERS.append(dependents.list_trained_models)
        shell.SEARCHES.append(search.search_models)
        artifact_store.FINDERS.append(version_files.find_in_artifact_store)
        artifacts.DELETION_CHECKS.append(kept_files.check_deletable)
        artifacts.CHANGE_STEPS.append(kept_files.keep_files)
        links.register(register_model="registry:register", run_lineage="registry:run_lineage")
