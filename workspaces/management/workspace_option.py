"""The option `--workspace` of commands."""

from django.core.management.base import CommandError

from workspaces.models import Workspace


def find_workspace(name: str | None) -> Workspace:
    """The workspace with this name or slug; the oldest one if no name is given."""
    rows = Workspace.objects.with_path().order_by("pk")
    found = rows.filter(name__iexact=name).first() or rows.filter(slug=name).first() if name else rows.first()
    if found is None:
        there = ", ".join(rows.values_list("name", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no workspace {name!r}. There are: {there}." if name else "There is no workspace.")
    return found
