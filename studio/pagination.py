"""Pages of lists."""

from django.core.paginator import Paginator


def page_of(request, rows, size: int = 25):
    """One page of a list by `?page=` and `?size=`; words that are no number mean the first page."""
    wanted = request.GET.get("size", "")
    if wanted.isdecimal() and len(wanted) < 6:
        size = min(int(wanted), 100) or size
    return Paginator(rows, size).get_page(request.GET.get("page"))
