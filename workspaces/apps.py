from django.apps import AppConfig

from studio.doctor import CHECKS
from studio.shell import SEARCHES, Shell


class WorkspacesConfig(AppConfig):
    name = "workspaces"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from accounts.actors import actor_of_request
        from workspaces import holdings, lookup, search
        from workspaces.vault import checks

        Shell.workspaces_of = staticmethod(search.list_for_switcher)
        Shell.workspace_of = staticmethod(
            lambda request, slug: lookup.workspace_by_slug(actor_of_request(request), slug)
        )
        SEARCHES.append(search.search_workspaces)
        CHECKS.append(checks.check_keys)
        holdings.register()
