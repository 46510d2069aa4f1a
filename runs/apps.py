from django.apps import AppConfig

from studio import shell


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        # Imported here because it needs the models, which are not loaded before this moment.
        from runs import cards

        shell.CARDS.append(shell.Card("runs/_recent.html", cards.recent))
        shell.SEARCHES.append(cards.search)
