from django.apps import AppConfig

from studio.api import Bearer


class WorkspacesConfig(AppConfig):
    name = "workspaces"

    def ready(self):
        # Imported here because it needs the models, which are not loaded before this moment.
        from workspaces.authentication import actor_of

        Bearer.authenticate_token = staticmethod(actor_of)
