"""Django's admin site, with limits on the queries that its URLs can cause."""

import functools

from django.contrib.admin import AdminSite

from studio.errors import Invalid
from studio.words import split_words


class Site(AdminSite):
    def admin_view(self, view, cacheable=False):
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def bounded(request, *args, **kwargs):
            _check(request.GET)
            return inner(request, *args, **kwargs)

        return bounded


def _check(query) -> None:
    """Django turns every word of a search into a condition, and lets a URL name any lookup of a field."""
    for name in ("q", "term"):
        split_words(query.get(name, ""), name)
    # On SQLite, patterns are matched by Python, which no statement timeout can stop.
    if wrong := next((name for name in query if name.endswith("regex")), None):
        raise Invalid(f"{wrong[:100]}: patterns are not searched for. Write a search by words.", target=wrong[:100])
