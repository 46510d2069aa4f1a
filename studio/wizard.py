"""Pages of several steps (templates/base_wizard.html)."""


def list_steps(labels: list[str], current: int) -> list[dict[str, str]]:
    """[{"label", "state"}]: those before the current one are done."""
    states = ["done" if i < current else "current" if i == current else "upcoming" for i in range(len(labels))]
    return [{"label": label, "state": state} for label, state in zip(labels, states, strict=True)]
