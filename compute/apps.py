from django.apps import AppConfig

from studio import encryption, shell
from studio.findings import APP_CHECKS


class ComputeConfig(AppConfig):
    name = "compute"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from compute import machine_checks, moving, search, sizes, views, work_kinds
        from compute.instances import power
        from compute.instances.work_kind import WORK_KIND
        from compute.models import ComputeInstance
        from workspaces import deletion, subscriptions

        sizes.check_settings()
        APP_CHECKS.append(machine_checks.check_machines)
        work_kinds.register_kind(WORK_KIND)
        encryption.register_columns(ComputeInstance, "server_token_text")
        subscriptions.BEFORE_MOVE.append(moving.check_nothing_runs)
        deletion.BEFORE_DELETE.append(power.stop_instances_of)
        shell.CARDS.append(shell.HomeCard("compute/_home_card.html", views.home_card, position=20))
        shell.SEARCHES.append(search.search_computes)
