from django.apps import AppConfig

from studio import links


class EndpointsConfig(AppConfig):
    name = "endpoints"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from compute import work_kinds
        from endpoints import deployment, purging, work_kind
        from registry.models import registered_models
        from workspaces import deletion

        work_kinds.register_kind(work_kind.KIND)
        deletion.BEFORE_DELETE.append(purging.stop_services)
        registered_models.DELETION_CHECKS.append(deployment.check_not_served)
        purging.register()
        links.register(endpoint="endpoints:detail", deploy_model="endpoints:deploy")
