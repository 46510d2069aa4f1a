from django.apps import AppConfig

from studio import links
from studio.findings import APP_CHECKS
from studio.shell import SEARCHES, Shell


class WorkspacesConfig(AppConfig):
    name = "workspaces"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from accounts import external_identities
        from workspaces import claim_mappings, holdings, lookup, search
        from workspaces.vault import checks

        Shell.workspaces_of = staticmethod(search.list_for_switcher)
        Shell.workspace_of = staticmethod(lookup.find_page_workspace)
        SEARCHES.append(search.search_workspaces)
        APP_CHECKS.append(checks.check_keys)
        external_identities.APPLY.append(claim_mappings.apply_claims)
        holdings.register()
        links.register(
            home="workspaces:list",
            identity_providers="workspaces:providers",
            identity_provider="workspaces:provider",
        )
