"""The table of who may do what (tests/authz.csv), held against every page, by everybody: each address has a row.

tests/authz_routes.csv says which row an address belongs to; the first line that fits counts, and `*` stands for any text. The API's
own lines are in tests/test_authz.py; what a role may do by page and by API is the same, because both ask `can()`.
"""

import csv
import functools
import pathlib
import re

import pytest
from django.test import Client

from studio.urls import urlpatterns
from tests import factories
from tests.test_authz import API, FEWEST_RIGHTS_FIRST, ROLES, as_if_never, lines, world
from tests.test_house import OWN_KEYS, address_of, routes_of

__all__ = ["world"]
HERE = pathlib.Path(__file__).parent
PERSONAS = (*ROLES, "stranger", "admin")
# What stands in an address for the things of the world.
REPLACED = [("/runs/x/", "/runs/other/"), ("/compute/x/", "/compute/cpu-cluster/"), ("/secrets/x/", "/secrets/hush/")]
REPLACED += [("/environments/x/", "/environments/env/"), ("/versions/x/", "/versions/1/")]
# It ends the session with which the others are tried; and it opens to this machine, for all who are on it.
ELSEWHERE = {"/signout/", "/metrics"}
# Allowed, whatever it finds wrong with an empty form.
REFUSALS = {401, 403}
UNSEEN = {404, 405}


@functools.cache
def read_table() -> dict[str, dict]:
    with open(HERE / "authz.csv", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@functools.cache
def read_routes() -> list[tuple[str, re.Pattern, str]]:
    with open(HERE / "authz_routes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [(one["method"], re.compile(re.escape(one["route"]).replace(r"\*", ".*")), one["row"]) for one in rows]


def row_of(method: str, route: str) -> dict | None:
    found = (row for verb, pattern, row in read_routes() if verb == method and pattern.fullmatch(route))
    return read_table().get(next(found, ""))


@functools.cache
def page_routes() -> dict[str, str]:
    """Each page's route, and its address in the world of the tests."""
    found = {}
    for route, _ in routes_of(urlpatterns):
        address = address_of(route)
        if (OWN_KEYS.match(address) and address != "/login/device/") or "(?" in address or "^" in address:
            continue
        for plain, real in REPLACED:
            address = address.replace(plain, real)
        found[route] = address
    return found


def test_the_table_is_whole():
    ids = [*read_table()]
    assert ids == [f"Z{number:02}" for number in range(1, len(ids) + 1)] and len(ids) >= 67
    wanted = {"yes", "403", "404"}
    assert not [row["id"] for row in read_table().values() if {row[one] for one in PERSONAS} - wanted]
    assert not [row for _, _, row in read_routes() if row not in read_table()]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("persona", PERSONAS)
def test_every_page_answers_everybody_as_its_row_says(world, persona, method):
    """Everybody is refused where the row refuses; where it allows, the one with the least rights whom it allows comes in."""
    person = world["people"].get(persona) or factories.make_user("the-admin", is_superuser=True, is_staff=True)
    client, wrong = Client(raise_request_exception=False), []
    client.force_login(person)
    for route, address in page_routes().items():
        row = row_of(method, route)
        if address in ELSEWHERE or (row and row[persona] == "yes" and persona != _weakest_allowed(row)):
            continue
        with as_if_never():
            status = client.generic(method, address, b"", "application/x-www-form-urlencoded").status_code
        if status != 405 and not _fits(status, row and row[persona]):
            wrong.append(f"{method} {route} answers {status}; {row['id'] if row else 'it has no row'}")
    assert not wrong, "\n".join(wrong)


def _weakest_allowed(row: dict) -> str:
    return next(one for one in FEWEST_RIGHTS_FIRST if row[one] == "yes")


def _fits(status: int, wanted: str | None) -> bool:
    if wanted == "yes":
        return status not in REFUSALS and status < 500
    return wanted in ("403", "404") and status in UNSEEN | {int(wanted)}


# Whatever the table says: there is nothing to find in this world.
NOTHING_THERE = {"restore a workspace", "read a purge", "delete a file", "remove data", "forget a datastore"}
NOTHING_THERE |= {"decide on a promotion"}
NOTHING_THERE |= {"read code", "state of a deployment", "a request of a service", "a replay of requests"}
NOTHING_THERE |= {
    "read a file",
    "look for a file",
    "read a blob",
    "look for a blob",
    "a saved dataset",
    "a name of data",
}
NOTHING_THERE |= {"edit a name of data"}
NOTHING_THERE |= {"versions of data", "a version of data", "remove a version of data", "the check of a version of data"}
NOTHING_THERE |= {"a labeling project", "items of a labeling project", "label an item", "export labels"}
# People who may do it: credentials leave the studio for nobody.
NOTHING_THERE |= {"secrets of a datastore"}


def test_the_api_is_tried_by_what_the_same_table_says():
    """Each line of tests/test_authz.py has a row, and expects what the row says of every role."""
    wrong = []
    for name, method, address, _, expected in lines(API):
        row = row_of(method, address.partition("?")[0])
        if name in NOTHING_THERE:
            continue
        if row is None:
            wrong.append(f"{name}: {method} {address} has no row")
            continue
        for persona, status in zip([*ROLES, "stranger"], expected, strict=False):
            allowed = status not in ("401", "403", "404")
            right = (
                allowed if row[persona] == "yes" else status == row[persona] or {status, row[persona]} <= {"403", "404"}
            )
            if not right:
                wrong.append(f"{name}: {persona} gets {status}; {row['id']} says {row[persona]}")
    assert not wrong, "\n".join(wrong)


def test_what_asks_again_is_what_the_table_says():
    """The table says it by page; a page of site admins asks before it opens."""
    marked = set()
    for route, view in routes_of(urlpatterns):
        asks = getattr(view, "reauthentication_required", "")
        marked |= {(method, route) for method in ("GET", "POST") if asks == "all" or asks == method}
    for method, route in marked:
        row = row_of(method, route)
        assert row is None or row["again"] or row["id"] in ("Z62", "Z64"), (method, route, row["id"])
    confirmed = {row_of("POST", route)["id"] for method, route in marked if method == "POST" and row_of("POST", route)}
    lacking = {row["id"] for row in read_table().values() if row["again"]} - confirmed
    # There is no page for keys of compute, credentials of datastores and keys of endpoints.
    assert lacking <= {"Z18", "Z19", "Z36", "Z51", "Z52"}
