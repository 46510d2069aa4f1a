from django.apps import AppConfig

from studio.api import Bearer
from studio.shell import SEARCHES, Shell


class WorkspacesConfig(AppConfig):
    name = "workspaces"

    def ready(self):
        # Imported here because these need the models, which are not loaded before this moment.
        from workspaces import lookup, search
        from workspaces.access import actor_of_request
        from workspaces.authentication import actor_of

        Bearer.authenticate_token = staticmethod(actor_of)
        Shell.actor_of = staticmethod(actor_of_request)
        Shell.workspaces_of = staticmethod(search.for_switcher)
        Shell.workspace_of = staticmethod(lambda request, slug: lookup.by_slug(actor_of_request(request), slug))
        SEARCHES.append(search.workspaces)
