from django.apps import AppConfig

from studio import links, shell


class RunsConfig(AppConfig):
    name = "runs"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from accounts.authentication import RunTokens
        from accounts.handover import HOLDINGS
        from compute import work_kinds
        from runs import associated as contents
        from runs import holdings, purging, run_tokens, work_kind, workspace_hooks
        from runs.pages import home, home_cards
        from runs.pages.data.search import search_data
        from runs.pages.environments.search import search_environments
        from workspaces import associated, deletion

        RunTokens.admit = staticmethod(run_tokens.authorize_run_token)
        purging.register()
        HOLDINGS.append(holdings.SHARED_VIEWS)
        work_kinds.register_kind(work_kind.KIND)
        deletion.BEFORE_DELETE.append(workspace_hooks.cancel_runs)
        associated.FACTS[associated.STORAGE].append(contents.describe_storage)
        associated.FACTS[associated.REGISTRY].append(contents.describe_registry)
        associated.CONTENTS.append(contents.list_contents)
        shell.CARDS.append(shell.HomeCard("runs/_home.html", home_cards.home_card, position=5))
        shell.CARDS.append(shell.HomeCard("runs/_recent.html", home.recent_runs))
        shell.SEARCHES.append(home.search_runs)
        shell.SEARCHES.append(search_environments)
        shell.SEARCHES.append(search_data)
        links.register(
            build="environments:build",
            create_job="runs:job_new",
            datastore="data:datastore",
            data_asset="data:latest",
            data_version="data:detail",
            cluster_monitoring="monitoring:cluster",
            machine_monitoring="monitoring:machine",
        )
