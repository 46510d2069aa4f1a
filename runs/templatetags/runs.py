"""Filters for values of runs."""

from django import template

from studio.formats import format_exact, format_number

register = template.Library()
register.filter("exact", format_exact)
register.filter("number", format_number)

JOB_TYPES = {
    "": "--",
    "azureml.scriptrun": "Command",
    "azureml.script": "Command",
    "Command": "Command",
    "azureml.interactive": "Interactive",
}


@register.filter
def job_type(run_type: str) -> str:
    return JOB_TYPES.get(run_type, run_type.removeprefix("azureml."))


@register.filter
def has(chosen, pk) -> bool:
    return pk in chosen
