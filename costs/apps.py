from django.apps import AppConfig

from studio import links


class CostsConfig(AppConfig):
    name = "costs"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from assets.data import stores
        from compute import holds
        from costs import associated as contents
        from costs import budgets, limits, quotas
        from workspaces import associated

        links.register(costs="costs:workspace")
        associated.FACTS[associated.STORAGE].append(contents.describe_storage)
        associated.CONTENTS.append(contents.list_savings)
        associated.MONTH_COSTS.append(contents.read_month_costs)
        holds.HELD_WORK.append(limits.find_held)
        holds.REASONS.append(limits.prepare_reasons)
        for limit in (quotas, budgets):
            holds.NEW_WORK.append(limit.check_new_work)
        stores.STORE_CHECKS.append(quotas.check_new_files)
        holds.MORE_NODES.append(quotas.count_more_nodes)
        holds.NO_IDLE.append(budgets.stops_idle)
