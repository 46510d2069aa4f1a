"""The tab Test: a body as text, as a file or by the columns of the model's signature, and the newest requests of a person."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from compute import queue
from endpoints import calls, mlflow_models, recent_requests
from endpoints.models import Endpoint
from registry.signatures import SignatureColumn
from tests import factories
from tests.html import html_of

ADDRESS = "/ws/aml-workspace/endpoints/svc/test/"


@pytest.fixture
def sent(monkeypatch, workspace, alice):
    """The bodies that the process of the service would get."""
    Endpoint.create(workspace, alice, "svc")
    bodies = []

    def send(endpoint, body):
        bodies.append(body)
        return calls.EndpointAnswer(200, "OK", "[1]", 1.0)

    monkeypatch.setattr(calls, "send_test", send)
    return bodies


def test_a_file_is_sent_instead_of_the_text(sent, as_user, alice):
    client = as_user(alice)
    client.post(ADDRESS, {"data": "typed", "file": SimpleUploadedFile("a.json", b"from a file")})
    client.post(ADDRESS, {"data": "typed"})
    assert sent == ["from a file", "typed"]
    for fields, words in [
        ({"data": ""}, "Write the body of the request, or choose a file."),
        ({"file": SimpleUploadedFile("a", b"\xff\xfe")}, "no UTF-8 text"),
        ({"file": SimpleUploadedFile("a", b"x" * 100_001)}, "100,000 are allowed here"),
    ]:
        assert words in html_of(client.post(ADDRESS, fields)), words
    assert len(sent) == 2


def test_the_newest_requests_of_a_person_can_be_filled_in_again(sent, as_user, alice, bob, monkeypatch):
    monkeypatch.setattr(recent_requests, "MAX_REQUESTS", 2)
    client = as_user(alice)
    for body in ("one", "two", "one", "three", "x" * 3000):
        client.post(ADDRESS, {"data": body})
    page = html_of(client.get(ADDRESS))
    assert page.index(">three</a>") < page.index(">one</a>") and ">two</a>" not in page
    assert client.get(f"{ADDRESS}?again=1").context["form"].initial["data"] == "one"
    for wrong in ("2", "-1", "x", "99999"):
        assert client.get(f"{ADDRESS}?again={wrong}").context["form"].initial["data"].startswith("{"), wrong
    assert "Recent requests" not in html_of(as_user(bob).get(ADDRESS))


def test_the_columns_of_a_signature_are_fields(sent, as_user, alice, monkeypatch):
    kinds = {"age": "long", "height": "double", "smokes": "boolean", "name": "string", "note": "string"}
    columns = [SignatureColumn(name, kind, name != "note") for name, kind in kinds.items()]
    monkeypatch.setattr("endpoints.views.find_mlflow_model", lambda endpoint: True)
    monkeypatch.setattr("endpoints.views.make_example", lambda endpoint, version: "{}")
    monkeypatch.setattr(mlflow_models, "list_inputs", lambda version: columns)
    client, given = (
        as_user(alice),
        dict(zip([f"column_{n}" for n in range(4)], ["41", "1.8", "true", "Ann"], strict=True)),
    )
    assert "One row of the model" in html_of(client.get(ADDRESS))
    client.post(ADDRESS, given)
    split = {"columns": ["age", "height", "smokes", "name"], "data": [[41, 1.8, True, "Ann"]]}
    assert json.loads(sent.pop()) == {"dataframe_split": split}
    for fields, words in [({"column_0": "old"}, "no value of the type long"), ({"column_1": ""}, "needs this value")]:
        assert words in html_of(client.post(ADDRESS, {**given, **fields})), words
    client.post(ADDRESS, {"data": "{}"})
    assert sent == ["{}"]


def test_the_sample_of_a_schema_is_filled_in(deploy, api, as_user, alice):
    example = {"data": [[5.1, 3.5]]}
    revision = deploy(name="sampled")
    work = queue.claim_work(factories.make_node(revision.target, cores=1, memory_gb=1))
    body = {"state": "ready", "example": example}
    assert api(work.make_token()).post("/nodes/v1/services/report", body).status_code == 200
    client = as_user(alice)
    for tab in ("test", "consume"):
        assert "5.1, 3.5" in html_of(client.get(f"{revision.endpoint.get_absolute_url()}{tab}/")), tab
