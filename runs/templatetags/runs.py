"""How values of runs are written."""

import math

from django import template

register = template.Library()

JOB_TYPES = {
    "": "--",
    "azureml.scriptrun": "Command",
    "azureml.script": "Command",
    "Command": "Command",
    "azureml.interactive": "Interactive",
}


@register.filter
def number(value) -> str:
    """Six digits that count: `0.0273153`, `1,234,567`, `1.5e-09`."""
    if value is None:
        return "--"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[str(value)]
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.6g}"


@register.filter
def exact(value) -> str:
    """All digits of a number, for whoever hovers over the short one."""
    if value is None:
        return "--"
    return repr(value) if isinstance(value, float) and math.isfinite(value) else str(value)


@register.filter
def job_type(run_type: str) -> str:
    return JOB_TYPES.get(run_type, run_type.removeprefix("azureml."))


@register.filter
def has(chosen, pk) -> bool:
    return pk in chosen
