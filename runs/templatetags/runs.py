"""Filters for values of runs."""

from django import template

from runs.models.job_types import job_type
from studio.formats import format_exact, format_given, format_number

register = template.Library()
register.filter("exact", format_exact)
register.filter("given", format_given)
register.filter("number", format_number)
register.filter("job_type", job_type)


@register.filter
def has(chosen, pk) -> bool:
    return pk in chosen
