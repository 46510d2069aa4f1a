from django.apps import AppConfig

from studio import links


class EndpointsConfig(AppConfig):
    name = "endpoints"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from compute import work_kinds
        from endpoints import purging, work_kind
        from workspaces import deletion

        work_kinds.register_kind(work_kind.KIND)
        deletion.BEFORE_DELETE.append(purging.stop_services)
        purging.register()
        links.register(endpoint="endpoints:detail")
