import dataclasses

from django.apps import AppConfig

from studio import encryption, links


class EndpointsConfig(AppConfig):
    name = "endpoints"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from compute import work_kinds
        from endpoints import associated as contents
        from endpoints import builds, deployment, lineage, model_page, models, purging, work_kind
        from registry.models import registered_models
        from workspaces import associated, deletion

        acts = {"may_change": builds.may_change, "cancel_build": builds.cancel_build, "rebuild": builds.rebuild}
        work_kinds.register_kind(dataclasses.replace(work_kind.KIND, **acts))
        deletion.BEFORE_DELETE.append(purging.stop_services)
        registered_models.DELETION_CHECKS.append(deployment.check_not_served)
        purging.register()
        lineage.register()
        model_page.register()
        encryption.register_columns(models.Endpoint, "primary_key", "secondary_key")
        associated.FACTS[associated.INSIGHTS].append(contents.describe_insights)
        associated.CONTENTS.append(contents.list_contents)
        links.register(endpoint="endpoints:detail", deploy_model="endpoints:deploy")
