from django.apps import AppConfig

from studio import shell


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        # Imported here because they need the models, which are not loaded before this moment.
        from runs import cards
        from runs.deletion import leaving, purge
        from workspaces import deletion

        deletion.LEAVING.append(leaving.cancel_runs)
        deletion.Freeing.start = staticmethod(purge.start_workspace)
        deletion.Freeing.is_under_way = staticmethod(purge.is_under_way)
        shell.CARDS.append(shell.Card("runs/_recent.html", cards.recent))
        shell.SEARCHES.append(cards.search)
