from django.apps import AppConfig

from studio import links
from studio.shell import COMMANDS, PaletteCommand


class TrashConfig(AppConfig):
    name = "trash"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from trash import purge, views
        from workspaces import deletion

        deletion.Trash.start_purge = staticmethod(purge.queue_workspace_purge)
        deletion.Trash.is_purging = staticmethod(purge.is_under_way)
        deletion.Trash.page_url = staticmethod(views.deleted_workspaces_url)
        deletion.Trash.restore_url = staticmethod(views.workspace_restore_url)
        links.register(
            trash="trash:list", undo_deletion="trash:undo", restore="trash:restore", restore_model="trash:restore_model"
        )
        COMMANDS.append(PaletteCommand("workspaces:settings", "Retention", "clock", "trash:retention"))
        COMMANDS.append(PaletteCommand("workspaces:settings", "Trash", "trash", "trash:list"))
        COMMANDS.append(
            PaletteCommand(
                "workspaces:list", "Deleted workspaces", "trash", "trash:workspaces_deleted", in_workspace=False
            )
        )
