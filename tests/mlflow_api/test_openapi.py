"""The description of the tracking server's routes, and the table of fields that it is made of."""

import pytest
from django.test import Client

from mlflow_api.request_fields import INTEGER, TEXT, Fields
from mlflow_api.route_fields import FIELDS
from mlflow_api.routes import FIXED, PATTERNS

ADDRESS = "/api/mlflow/openapi.json"


def test_it_is_for_tools_with_a_token_and_people_who_are_signed_in(tracking, as_user, bob):
    assert Client().get(ADDRESS).status_code == 401
    assert as_user(bob).get(ADDRESS).status_code == 200
    described = tracking.api.client.get(ADDRESS).json()
    route = next(path for path in described["paths"] if path.endswith("mlflow/runs/log-batch"))
    fields = described["paths"][route]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert fields["metrics"]["items"]["properties"]["step"] == {"type": "integer", "format": "int64"}
    model = next(path for path in described["paths"] if path.endswith("/logged-models/{model_id}/tags/{key}"))
    words = [one["name"] for one in described["paths"][model]["delete"]["parameters"]]
    assert words[-2:] == ["model_id", "key"]


def test_every_verb_declares_its_fields():
    assert {*FIXED.values(), *(verb for _, _, verb in PATTERNS)} == set(FIELDS)


@pytest.mark.parametrize(
    "read",
    [
        lambda fields: fields.text("other"),
        lambda fields: fields.text("count"),
        lambda fields: fields.objects("items")[0].text("count"),
        lambda fields: "other" in fields,
    ],
)
def test_what_is_not_declared_cannot_be_read(read):
    fields = Fields({"count": 1, "items": [{"name": "a"}]}, {"count": INTEGER, "items": [{"name": TEXT}]})
    assert fields.integer("count") == 1 and fields.objects("items")[0].text("name") == "a"
    with pytest.raises(LookupError, match="not declared"):
        read(fields)
