"""Links to pages of other apps. The app with the page registers its URL here in AppConfig.ready, so that the app with
the link does not depend on it."""

from urllib.parse import SplitResult, urlsplit

from django.urls import reverse

# What the link is to → the name of the URL.
LINKS: dict[str, str] = {}


def register(**links: str) -> None:
    LINKS.update(links)


def link_to(page: str, *args) -> str:
    """`args` are those of the URL, such as the slug of the workspace."""
    return reverse(LINKS[page], args=args)


def page_of_form(request) -> str:
    """Path and query of the page whose form was sent; the home page if the browser does not say it."""
    page = split_address(request.headers.get("Referer", ""))
    return page._replace(scheme="", netloc="", fragment="").geturl() if page.path else link_to("home")


def split_address(text: str) -> SplitResult:
    """Like urlsplit, but empty for an invalid URL, such as `http://[`, because headers and forms can contain
    anything."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")
