from django.apps import AppConfig


class CostsConfig(AppConfig):
    name = "costs"

    def ready(self):
        # Imported here because they need the models, which are not loaded earlier.
        from compute import holds
        from costs import budgets, limits, quotas

        holds.HELD_WORK.append(limits.find_held)
        holds.REASONS.append(limits.prepare_reasons)
        for limit in (quotas, budgets):
            holds.NEW_WORK.append(limit.check_new_work)
        holds.MORE_NODES.append(quotas.count_more_nodes)
        holds.NO_IDLE.append(budgets.stops_idle)
