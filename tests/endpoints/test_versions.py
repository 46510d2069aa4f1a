"""Endpoints with versions: shares of their requests, what versions inherit, pages and the comparison of two answers."""

import datetime as dt
import json
from unittest import mock

import pytest
from django.utils import timezone

from compute.keys import gateway_key
from endpoints import deployment, request_log, tokens, traffic
from endpoints.models import Endpoint, ServiceRequest
from studio.errors import Conflict, Invalid
from tests import factories
from tests.endpoints.test_request_log import make_request
from tests.html import html_of


@pytest.fixture
def endpoint(workspace, alice, size):
    endpoint = Endpoint.create(workspace, alice, "svc", auth_enabled=True, has_versions=True)
    for name in ("blue", "green"):
        Endpoint.create_version(endpoint, alice, name)
    return endpoint


def find(name="svc") -> Endpoint:
    return Endpoint.objects.with_state().get(name=name)


def test_the_default_version_gets_what_no_version_has(endpoint):
    assert find().shares == {"blue": 100, "green": 0}
    endpoint.change_traffic({"green": 30, "blue": 10})
    assert find().shares == {"blue": 70, "green": 30}
    endpoint.change_default(find("svc.green"))
    assert find().shares == {"blue": 10, "green": 90}
    for shares, words in [
        ({"green": 95}, "adds up to 105: blue 10, green 95"),
        ({"red": 1}, "no version 'red'. The versions are blue, green"),
        ({"green": -1}, "whole number from 0 to 100"),
    ]:
        with pytest.raises(Invalid, match=words):
            endpoint.change_traffic(shares)
    with pytest.raises(Conflict, match="Make another one the default first"):
        find("svc.green").remove()
    find("svc.blue").remove()
    find("svc.green").remove()
    assert find().shares == {}


def test_the_list_names_the_models_of_all_versions(endpoint, deploy, workspace, alice, as_user):
    models = [factories.make_model_version(workspace, name) for name in ("a", "b")]
    deploy(name="svc.blue", models=models[:1])
    deploy(name="svc.green", models=models)
    assert find().served_models == [str(model) for model in models] == ["a:1", "b:1"]
    assert "a:1 b:1" in html_of(as_user(alice).get(f"/ws/{workspace.slug}/endpoints/"))


def test_pages_without_a_deployment_say_how_to_deploy(endpoint, workspace, alice, as_user):
    endpoint.change(description="for **all**")
    Endpoint.create(workspace, alice, "bare")
    client = as_user(alice)
    for name, words in [("bare", 'Model.deploy(ws, "bare"'), ("svc.blue", "<code>update_version</code>")]:
        page = html_of(client.get(find(name).get_absolute_url()))
        assert words in page and "Not deployed" in page, name
        for wrong in ("Failed", "0 of", "MLflow model)", "<h2>Replicas</h2>"):
            assert wrong not in page, (name, wrong)
        assert "nothing is deployed here" in html_of(client.get(f"{find(name).get_absolute_url()}logs/")), name
    for page in (html_of(client.get("/ws/aml-workspace/endpoints/")), html_of(client.get(endpoint.get_absolute_url()))):
        assert page.count("Not deployed") >= 2 and "Failed" not in page and "Healthy" not in page
    assert "<p>for <strong>all</strong></p>" in page


def test_a_version_has_the_keys_and_settings_of_its_endpoint(endpoint, alice):
    endpoint.change(has_insights=True)
    assert find("svc.blue").has_insights
    with pytest.raises(Invalid, match="belong to the endpoint"):
        find("svc.blue").change(auth_enabled=False)
    with pytest.raises(Conflict, match="has no versions"):
        Endpoint.create_version(find("svc.blue"), alice, "x-y")


def test_tokens_open_an_endpoint_until_they_expire_or_its_primary_key_is_replaced(endpoint, alice, bob, api, as_user):
    path = f"/modelmanagement/v1.0{endpoint.workspace.arm_id}/services/svc"
    assert api(alice).post(f"{path}/token", {}).status_code == 409
    assert api(alice).patch(path, {"authEnabled": True, "tokenAuthEnabled": True}).status_code == 400
    changed = api(alice).patch(path, {"tokenAuthEnabled": True}).json()
    assert (changed["authEnabled"], changed["tokenAuthEnabled"]) == (False, True) and find(
        "svc.blue"
    ).token_auth_enabled
    assert api(bob).post(f"{path}/token", {}).status_code == 403
    assert api(alice).post(f"{path}/listkeys", {}).status_code == 409
    token = api(alice).post(f"{path}/token", {}).json()["accessToken"]
    assert find().accepts(token) and not find().accepts(endpoint.keys[0]) and not find().accepts("")
    other = Endpoint.create(endpoint.workspace, alice, "other", token_auth_enabled=True)
    assert not other.accepts(token)
    later = timezone.now() + tokens.LIFE + dt.timedelta(seconds=1)
    with mock.patch("django.core.signing.time.time", return_value=later.timestamp()):
        assert not find().accepts(token)
    for one in (endpoint, find("svc.blue")):
        page = html_of(as_user(alice).get(f"{one.get_absolute_url()}consume/"))
        assert "Webservice(ws, &quot;svc&quot;).get_token()" in page or 'Webservice(ws, "svc").get_token()' in page
    find().regenerate_key("Primary")
    assert not find().accepts(token)


def test_the_gateway_gets_the_shares_and_then_the_replicas_of_a_version(endpoint, api, deploy, run_replica):
    deploy(name="svc.green")
    replica = run_replica()
    key = endpoint.keys[0]
    body = {"workspace": endpoint.workspace.slug, "name": "svc", "key": key}

    def ask(**changes):
        return api(gateway_key()).post("/nodes/v1/services/authorize", {**body, **changes})

    shares = [{"name": "blue", "share": 100}, {"name": "green", "share": 0}]
    assert ask().json()["versions"] == shares
    assert ask(name="svc.green").json()["addresses"] == [f"unix:/tmp/{replica.work_id}"]
    assert ask(name="svc.green", key="wrong").status_code == 401


def test_copies_of_requests_are_counted_for_their_version_alone(endpoint, api, as_user, alice):
    endpoint.divide_traffic({"blue": 100}, {"green": 20})
    traffic.add_counts(find("svc.blue"), {"200": 2}, {"1": 2}, 1.0)
    traffic.add_counts(find("svc.green"), {"500": 1}, {"1": 1}, 1.0)
    assert traffic.summarize_traffic(traffic.read_hour(find())).requests == 2
    assert traffic.summarize_traffic(traffic.read_hour(find("svc.green"))).failures == 1
    body = {"workspace": endpoint.workspace.slug, "name": "svc", "key": endpoint.keys[0]}
    answer = api(gateway_key()).post("/nodes/v1/services/authorize", body).json()
    assert answer["mirrors"] == [{"name": "green", "share": 20}]
    page = html_of(as_user(alice).get(endpoint.get_absolute_url()))
    assert "copies of 20 %" in page and '<option value="" selected>none</option>' in page
    endpoint.change_traffic({"blue": 90, "green": 10})
    assert find().mirrors == {} and find().shares == {"blue": 90, "green": 10}


def test_an_endpoint_with_versions_shows_their_requests_and_cannot_be_deployed_itself(endpoint, deploy):
    blue = find("svc.blue")
    traffic.add_counts(blue, {"200": 2}, {"1": 2}, 1.0)
    traffic.add_counts(find("svc.green"), {"500": 1}, {"1": 1}, 1.0)
    summary = traffic.summarize_traffic(traffic.read_hour(find()))
    assert (summary.requests, summary.failures) == (3, 1)
    ServiceRequest.objects.bulk_create([make_request(blue)])
    result = request_log.run_endpoint_query(find(), "requests | project customDimensions", request_log.KEPT)
    assert json.loads(result.rows[0][0])["Service Name"] == "svc.blue"
    with pytest.raises(Conflict, match="svc has versions"):
        deploy()
    assert deployment.check_not_served([]) is None


def test_the_page_divides_the_traffic(endpoint, as_user, alice, bob, mallory, django_assert_max_num_queries):
    address = find().get_absolute_url()
    with django_assert_max_num_queries(40):
        page = as_user(bob).get(address).content.decode()
    assert "100 %" in page and "share-blue" not in page
    sent = {"share-blue": "25", "share-green": "50", "default": "green"}
    assert as_user(bob).post(f"{address}traffic/", sent).status_code == 403
    assert as_user(mallory).post(f"{address}traffic/", sent).status_code == 404
    assert as_user(alice).get(f"{address}traffic/").status_code == 405
    assert as_user(alice).post(f"{address}traffic/", sent).status_code == 302
    assert find().shares == {"blue": 25, "green": 75}
    assert as_user(alice).post(f"{address}traffic/", {**sent, "share-blue": "x"}).status_code == 400
    page = as_user(alice).get(f"{find('svc.blue').get_absolute_url()}").content.decode()
    assert f'href="{address}"' in page
    for tab in ("consume", "logs", "monitoring", "requests", "test"):
        assert as_user(alice).get(f"{address}{tab}/").status_code == 200, tab
    assert "2 versions" in as_user(bob).get(f"/ws/{endpoint.workspace.slug}/endpoints/").content.decode()


def test_a_version_is_copied_with_another_model(endpoint, deploy, workspace, as_user, alice, bob, mallory):
    first, second = factories.make_model_version(workspace), factories.make_model_version(workspace)
    revision = deploy(name="svc.blue", models=[first], concurrency=3)
    address = f"{find().get_absolute_url()}add-version/"
    assert "Add version" in as_user(alice).get(find().get_absolute_url()).content.decode()
    page = as_user(alice).get(address).content.decode()
    assert "Copied version" in page and f'<option value="{second.model.name}:{second.number}"' in page
    sent = {"version_name": "red", "copied": "blue", "models": f"{second.model.name}:{second.number}"}
    assert [as_user(person).post(address, sent).status_code for person in (bob, mallory)] == [403, 404]
    assert as_user(alice).get(address.replace("/svc/", "/svc.blue/")).status_code == 404
    for wrong, words in [
        ({"models": "none:1"}, "no model"),
        ({"copied": "green"}, "Select a valid choice"),
        ({"version_name": "blue"}, "There is a service svc.blue"),
    ]:
        assert words in as_user(alice).post(address, {**sent, **wrong}).content.decode()
    assert as_user(alice).post(address, sent).status_code == 302
    copy = find("svc.red").newest
    assert (copy.model_versions.get(), copy.settings) == (second, revision.settings)
    assert copy.code_key != revision.code_key and find().shares == {"blue": 100, "green": 0, "red": 0}


def test_two_versions_get_the_same_test_request(endpoint, as_user, alice, monkeypatch):
    called = []

    def send(endpoint, body):
        called.append((endpoint.name, body))
        return {"status": 200, "text": f"answer of {endpoint.name}", "milliseconds": 1.0}

    monkeypatch.setattr("endpoints.calls.send_test", send)
    address = f"{find().get_absolute_url()}test/"
    page = as_user(alice).post(address, {"data": "{}", "version": "svc.blue", "compare": "svc.green"}).content.decode()
    assert called == [("svc.blue", "{}"), ("svc.green", "{}")]
    assert "answer of svc.blue" in page and "answer of svc.green" in page
