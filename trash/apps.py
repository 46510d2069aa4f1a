from django.apps import AppConfig


class TrashConfig(AppConfig):
    name = "trash"

    def ready(self):
        # Imported here because they need the models, which are not loaded before this moment.
        from trash import purge
        from workspaces import deletion

        deletion.Freeing.start = staticmethod(purge.start_workspace)
        deletion.Freeing.is_under_way = staticmethod(purge.is_under_way)
