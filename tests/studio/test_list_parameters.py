"""A list names the parameters of its address that it does not know."""

import re

import pytest
from django.http import QueryDict
from django.urls import reverse

from studio.list_parameters import find_unknown
from tests import factories

LISTS = [
    "registry:list", "data:list", "data:datastores", "compute:list", "compute:instances", "compute:inference_list",
    "endpoints:list", "endpoints:queries", "environments:list", "labeling:list", "trash:list", "costs:workspace",
    "workspaces:activity", "runs:experiments",
]  # fmt: skip
SITE_LISTS = [
    "workspaces:list", "workspaces:site_activity", "operations:people", "operations:queue", "operations:health",
    "notices:list", "costs:site",
]  # fmt: skip


def test_a_list_names_unknown_parameters(as_user, alice, workspace):
    page = as_user(alice).get(reverse("compute:list", args=[workspace.slug]), {"archive": "", "sise": "50", "q": "a"})
    bar = re.search(r"Ignored, because.*?</p>", page.content.decode(), re.DOTALL)
    assert bar and re.findall(r"<code>(.+?)</code>", bar[0]) == ["archive", "sise", "size"]


def test_a_list_names_a_sort_order_that_it_does_not_have(as_user, alice, workspace):
    for name in ("compute:list", "registry:list", "environments:list"):
        page = as_user(alice).get(reverse(name, args=[workspace.slug]), {"sort": "-<b>"}).content.decode()
        assert "cannot be sorted" in page and "<code>-&lt;b&gt;</code>" in page and "<code>created</code>" in page
        right = as_user(alice).get(reverse(name, args=[workspace.slug]), {"sort": "-created"}).content.decode()
        assert "cannot be sorted" not in right


@pytest.mark.extended
def test_all_lists_name_unknown_parameters_and_know_those_of_their_links(as_user, workspace):
    client = as_user(factories.make_user(is_superuser=True))
    for address in [*[reverse(name, args=[workspace.slug]) for name in LISTS], *map(reverse, SITE_LISTS)]:
        page = client.get(address, {"sise": "50", "<b>": ""}).content.decode()
        bar = re.search(r"Ignored, because.*?</p>", page, re.DOTALL)
        assert bar and re.findall(r"<code>(.+?)</code>", bar[0]) == ["sise", "size", "&lt;b&gt;"], address
        plain = client.get(address, {"page": 1, "size": 10}).content.decode()
        links = re.findall(rf'href="(?:{re.escape(address)})?\?([^"]+)"', plain)
        for query in ["", *links[:20]]:
            found = client.get(f"{address}?{query.replace('&amp;', '&')}")
            assert found.status_code == 200 and "Ignored, because" not in found.content.decode(), (address, query)


@pytest.mark.parametrize(
    ("query", "named"),
    [("", []), ("q=a&token=1", []), ("Q=a", [("Q", "")]), ("archive=1", [("archive", "archived")])],
)
def test_a_similar_parameter_is_suggested(query, named):
    assert find_unknown(QueryDict(query), ["q", "archived"], ["token"]) == named
    many = "&".join(f"{number}{'x' * 90}=1" for number in range(9))
    assert [len(word) for word, _ in find_unknown(QueryDict(many), ["q"])] == [60] * 5
