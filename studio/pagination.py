"""Which rows of a list an HTML page shows. The API has its own: `studio/api.py`, `cut_page`."""

from django.core.paginator import Paginator

from studio import numbers


def page_of(request, rows, size: int = 25):
    """One page of a list by `?page=` and `?size=`; anything but a number means the first page."""
    wanted = request.GET.get("size", "")
    size = min(max(numbers.int_or_none(wanted) or size, 1), 100)
    return Paginator(rows, size).get_page(request.GET.get("page"))
