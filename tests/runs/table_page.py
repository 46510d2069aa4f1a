"""Reading the page of the table of runs."""

import re

from django.urls import reverse

from runs.models import Run
from tests.html import html_of


def url(experiment, name="", *args) -> str:
    if not name:
        return experiment.get_absolute_url()
    return reverse(f"runs:{name}", args=[experiment.workspace.slug, *args])


def text_of(answer) -> str:
    if "html" in answer.headers["Content-Type"]:
        return html_of(answer)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode()


def names_in_order(page: str) -> list[str]:
    return re.findall(r'class="row-link cut"[^>]*>([^<]+)<', page)


def headers_of(page: str) -> list[str]:
    return re.findall(r'<th [^>]*data-column="([^"]+)"', page)


def cells_of(page: str, run: Run) -> list[str]:
    row = re.search(rf'<tr id="run-{run.pk}".*?</tr>', page, re.DOTALL)[0]
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)[2:]]


def undo_of(page: str) -> str:
    return re.search(r'<form method="post" action="([^"]+)">.{0,200}Undo', page, re.DOTALL)[1].replace("&amp;", "&")


def post_all(client, address: str, posted: dict, **more):
    """Act on all that match a list: the page that shows them, then its button."""
    shown = client.post(address, posted)
    found = re.search(r'name="selection" value="(\w+)"', text_of(shown))
    return client.post(address, posted | {"selection": found[1]}, **more) if found else client.get(shown.url)
