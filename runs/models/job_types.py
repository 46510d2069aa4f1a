"""The types of jobs as pages show them: several values of `run_type` have one label."""

LABELS = {
    "": "--",
    "azureml.scriptrun": "Command",
    "azureml.script": "Command",
    "Command": "Command",
    "azureml.interactive": "Interactive",
}


def job_type(run_type: str) -> str:
    return LABELS.get(run_type, run_type.removeprefix("azureml."))


def types_with_label(label: str) -> list[str]:
    """The values that are shown as `label`, and itself."""
    return list(dict.fromkeys([label, f"azureml.{label}", *(one for one, shown in LABELS.items() if shown == label)]))
