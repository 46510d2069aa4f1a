"""Revisions with real processes: the newest that is ready answers, one that fails leaves the one before it."""

import pytest
from lazuli.scoring.warm_packages import PLAIN_VARIABLE

from compute.keys import gateway_key
from compute.models import Work
from endpoints import calls
from endpoints.models import Endpoint

pytestmark = pytest.mark.django_db(transaction=True)


def authorize(api, key="", name="svc"):
    body = {"workspace": Endpoint.objects.get(name="svc").workspace.slug, "name": name, "key": key}
    return api(gateway_key()).post("/nodes/v1/services/authorize", body)


def test_a_service_answers_fails_to_update_and_is_updated(deploy, start, api, as_user, alice, monkeypatch):
    monkeypatch.setenv(PLAIN_VARIABLE, "A package has started a thread.")
    first = start(deploy())
    endpoint = Endpoint.objects.with_state().get()
    work = first.replicas.get().work
    assert (endpoint.state, endpoint.current, work.state) == ("Healthy", first, "claimed")
    assert "Starting score.py with 0 model(s).\nIt is not forked from a warm parent. A package has" in first.log
    assert calls.send_test(endpoint, '{"data": [1, 2]}').text == "[1, 2]"
    assert authorize(api).status_code == authorize(api, "wrong").status_code == 401
    assert authorize(api, name="other").status_code == 404
    assert authorize(api, endpoint.keys[1]).json()["addresses"] == endpoint.current.addresses

    broken = start(deploy("def init(): raise ValueError('no weights')\ndef run(data): return 1"), "Failed")
    assert "ValueError: no weights" in broken.reason and 'score.py", line' in broken.reason
    endpoint = Endpoint.objects.with_state().get()
    assert (endpoint.state, endpoint.current, "no weights" in endpoint.failure) == ("Healthy", first, True)
    page = as_user(alice).get(endpoint.get_absolute_url()).content.decode()
    assert "no weights" in page and "Revision 1\n" in page.replace("    ", "\n")

    third = start(deploy(version=3))
    endpoint = Endpoint.objects.with_state().get()
    assert (endpoint.current, calls.send_test(endpoint, '{"data": [1]}').text) == (third, "[3]")
    work.refresh_from_db()
    assert work.stop_requested_at and not third.replicas.get().work.stop_requested_at

    tested = as_user(alice).post(f"{endpoint.get_absolute_url()}test/", {"data": '{"data": [5]}'})
    assert "[15]" in tested.content.decode()
    old = endpoint.keys[0]
    endpoint.regenerate_key("Primary")
    assert authorize(api, old).status_code == 401
    endpoint.remove()
    assert not Work.objects.filter(stop_requested_at=None, state="claimed").exists()
