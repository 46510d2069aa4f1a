"""The button *Notify me when done* of a job."""

from django import template

from notices.models import Follow
from studio.statements import read_row

register = template.Library()


@register.inclusion_tag("notices/_follow.html", takes_context=True)
def follow_button(context, run) -> dict:
    request = context["request"]
    is_followed = run.is_active and read_row(Follow, person=request.user.pk, run=run.pk) is not None
    back = context.get("run_page") or request.get_full_path()
    return {
        **{"run": run, "request": request, "is_followed": is_followed, "back": back},
        "csrf_token": context.get("csrf_token"),
    }
