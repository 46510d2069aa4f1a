"""The list of models and the pages of a version: shown, found, changed in place, archived, deleted."""

import pytest

from accounts.activity import Activity
from assets.data.models import DataAsset, DataVersion
from registry.models import ModelVersion, RunModel
from runs.files import artifacts
from tests import factories

LIST = "/ws/aml-workspace/models/"
MLMODEL = b"""
flavors: {python_function: {loader_module: mlflow.sklearn}, sklearn: {sklearn_version: 1.5.2}}
saved_input_example_info: {artifact_path: input_example.json}
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""


@pytest.fixture
def run(workspace):
    run = factories.make_run(workspace, display_name="teacher")
    artifacts.store_artifact(run, "m/MLmodel", iter([MLMODEL]))
    artifacts.store_artifact(run, "m/input_example.json", iter([b'{"columns": ["age"]}']))
    run.metrics.create(name="AUC", kind="scalar", last=0.875, count=1)
    return run


@pytest.fixture
def version(workspace, run, alice):
    fields = {"run": run, "source": f"runs:/{run.run_id}/m", "source_run_id": run.run_id, "created_by": alice}
    return factories.make_model_version(workspace, "digits", **fields)


def text(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def edit(client, version, field, value):
    return text(client.post(version.get_absolute_url() + "edit/", {"field": field, "value": value}, follow=True))


def test_the_list_has_the_newest_version_and_is_searched_and_narrowed(as_user, bob, workspace, version, mallory):
    factories.make_model_version(workspace, "digits", stage="Production", tags={"area": "x"})
    factories.make_model_version(workspace, "other", model_type="mlflow_model")
    client = as_user(bob)
    page = text(client.get(LIST))
    assert (
        "/models/digits/versions/2/" in page and "/models/digits/versions/1/" not in page and "Register</a>" not in page
    )
    assert "/models/digits/versions/1/" in text(client.get(LIST, {"all": "on"}))
    for query in ({"q": "dig"}, {"stage": "Production"}, {"tag": "area=x"}, {"tag": "area"}):
        page = text(client.get(LIST, query))
        assert "/models/digits/" in page and "/models/other/" not in page, query
    assert "No model matches" in text(client.get(LIST, {"tag": "area=y"}))
    assert "MLflow <b>1</b>" in " ".join(text(client.get("/ws/aml-workspace/models-facets/")).split())
    assert "other" in text(client.get(LIST, {"sort": "-name", "facets": "1"}))
    assert as_user(mallory).get(LIST).status_code == 404


def test_the_list_has_few_queries(as_user, bob, workspace, django_assert_max_num_queries):
    for number in range(30):
        factories.make_model_version(workspace, run=factories.make_run(workspace) if number % 2 else None)
    client = as_user(bob)
    client.get(LIST)
    with django_assert_max_num_queries(14):
        client.get(LIST)


def test_a_version_shows_its_signature_example_and_job(as_user, bob, version, run):
    page = text(as_user(bob).get(version.get_absolute_url()))
    for words in ("teacher", "int64 (-1)", "age", "sklearn", "&quot;columns&quot;", "azureml:digits:1"):
        assert words in page, words
    assert "AUC" in text(as_user(bob).get(version.get_absolute_url() + "metrics/"))
    assert version.get_absolute_url() in text(as_user(bob).get(run.get_absolute_url()))


def test_samples_are_named_by_their_datasets(as_user, bob, workspace, version):
    asset = DataAsset.objects.create(workspace=workspace, name="rows")
    definition = {"kind": "file", "paths": [{"url": "https://example.org/x"}], "steps": []}
    given = {"workspace": workspace, "kind": "file", "definition": definition}
    named = DataVersion.objects.create(asset=asset, version="1", number=1, **given)
    unnamed = DataVersion.objects.create(**given)
    version.sample_input, version.sample_output = str(named.dataset_id), str(unnamed.dataset_id)
    version.save()
    page = " ".join(text(as_user(bob).get(version.get_absolute_url())).split())
    assert f'Sample input</dt><dd><a href="{named.get_absolute_url()}" >rows, version 1</a>' in page
    assert "Sample output</dt><dd>Dataset without a name" in page


def test_description_tags_aliases_and_stage_are_changed_in_place(as_user, alice, version):
    client = as_user(alice)
    edit(client, version, "description", "for **all**")
    edit(client, version, "tags", "area: x\nb")
    assert "champion is now version 1" in edit(client, version, "alias", "champion")
    page = edit(client, version, "stage", "Production")
    assert "<strong>all</strong>" in page and "champion" in page
    row = ModelVersion.objects.get()
    assert (row.tags, row.stage, row.aliases) == ({"area": "x", "b": ""}, "Production", ["champion"])
    assert Activity.objects.get(verb="model.alias").changes == {"champion": [None, 1]}
    edit(client, version, "remove_alias", "champion")
    assert ModelVersion.objects.get().aliases == []
    for field, value in (("alias", "v1"), ("stage", "Nowhere"), ("owner", "x"), ("alias", "")):
        answer = client.post(version.get_absolute_url() + "edit/", {"field": field, "value": value})
        assert answer.status_code == 400, (field, value)


def test_a_model_is_starred_archived_and_taken_out_again(as_user, alice, workspace, version):
    client = as_user(alice)
    for expected in ("true", "false"):
        client.post("/ws/aml-workspace/models-star/", {"name": "digits"})
        assert f'aria-pressed="{expected}"' in text(client.get(version.get_absolute_url()))
    assert "archived" in text(
        client.post("/ws/aml-workspace/models-change/", {"act": "archive", "model": "digits"}, follow=True)
    )
    assert "/models/digits/" not in text(client.get(LIST)) and "/models/digits/" in text(
        client.get(LIST, {"archived": "1"})
    )
    assert factories.make_model_version(workspace, "digits").model.archived_at
    client.post("/ws/aml-workspace/models-change/", {"act": "unarchive", "model": "digits"})
    assert "/models/digits/" in text(client.get(LIST))
    for body in ({"act": "burn", "model": "digits"}, {"act": "archive"}, {"act": "archive", "model": "none"}):
        assert client.post("/ws/aml-workspace/models-change/", body).status_code == 400, body


def test_what_breaks_is_said_before_a_version_is_deleted(as_user, alice, workspace, version, run):
    logged = factories.make_logged_model(run.experiment, run=run, name="l")
    ModelVersion.objects.update(logged_model=logged)
    reader = factories.make_run(workspace, display_name="reader")
    RunModel.objects.create(run=reader, logged_model=logged, model_id=logged.model_id, made=False)
    factories.make_model_version(workspace, "copy", source="models:/digits/1")
    client, address = as_user(alice), version.get_absolute_url() + "delete/"
    edit(client, version, "alias", "champion")
    page = text(client.get(address))
    assert "Alias champion" in page and "reader" in page and "copy, version 1" in page
    client.post(address)
    assert client.get(version.get_absolute_url()).status_code == 404
    assert ModelVersion.objects.get(model__name="digits").deleted_at
    client.post("/ws/aml-workspace/models/copy/versions/1/delete/?all")
    assert "No models yet" in text(client.get(LIST))


def test_two_versions_are_compared(as_user, bob, workspace, version):
    other = factories.make_run(workspace)
    artifacts.store_artifact(other, "m/MLmodel", iter([MLMODEL.replace(b"age", b"bmi")]))
    other.metrics.create(name="AUC", kind="scalar", last=0.9, count=1)
    other.parameter_rows.create(name="lr", value="0.1")
    factories.make_model_version(workspace, "digits", run=other, source=f"runs:/{other.run_id}/m")
    page = text(as_user(bob).get(f"{LIST}digits/versions/", {"left": 1, "right": 2}))
    for words in ("+0.0250", "0.9000", "Input age", "Input bmi", "lr", "input_example.json", "other content"):
        assert words in page, words
    assert as_user(bob).get(f"{LIST}digits/versions/", {"left": 1, "right": 9}).status_code == 400
    assert as_user(bob).get(f"{LIST}digits/").url.endswith("/digits/versions/2/")


def test_the_newest_version_is_one_that_is_not_archived(as_user, api, alice, workspace, version):
    factories.make_model_version(workspace, "digits")
    client, newest = as_user(alice), ModelVersion.objects.get(number=2)
    latest = f"{workspace.arm_id}/models/digits/versions/latest"

    def archive(number):
        client.post(f"/ws/aml-workspace/models/digits/versions/{number}/archive/")
        return api(alice).get(latest).json()["name"], client.get("/ws/aml-workspace/models/digits/").url

    assert archive(2) == ("1", version.get_absolute_url()), "2 is archived"
    assert version.get_absolute_url() in text(client.get(LIST))
    assert archive(1) == ("2", newest.get_absolute_url()), "both are archived"
    assert archive(2) == ("2", newest.get_absolute_url()), "2 is not archived any more"
