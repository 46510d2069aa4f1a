"""Promotion rules hold for pages, REST and MLflow's client alike; and the wizard registers what it is given."""

import io
import zipfile

import pytest

from accounts.actors import Actor
from assets.data import stores
from assets.models import Datastore
from registry import version_files
from registry.models import ModelVersion, PromotionRule
from runs.files import artifacts
from tests import factories
from workspaces.models import Role

RULES = "/ws/aml-workspace/promotion-rules/"
REGISTER = "/ws/aml-workspace/register-model/"


@pytest.fixture
def version(workspace, alice):
    run = factories.make_run(workspace, run_id="teacher")
    run.metrics.create(name="accuracy", kind="scalar", last=0.8, count=1)
    return factories.make_model_version(workspace, "digits", run=run, created_by=alice)


@pytest.fixture
def boss(workspace):
    user = factories.make_user("boss")
    factories.give_role(user, Role.OWNER, workspace)
    return user


def set_alias(api, who, workspace):
    body = {"properties": {"addAliases": ["champion"]}}
    return api(who).patch(f"{workspace.arm_id}/models/digits/versions/1", body)


def test_only_the_named_role_sets_the_alias(as_user, api, alice, boss, workspace, version):
    form = {"kind": "alias", "name": "champion", "role": "Owner"}
    assert as_user(alice).post(RULES, form).status_code == 403
    assert as_user(boss).post(RULES, form).status_code == 302
    assert set_alias(api, alice, workspace).status_code == 403
    mlflow = f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow/registered-models/alias"
    assert api(alice).post(mlflow, {"name": "digits", "alias": "champion", "version": "1"}).status_code == 403
    edit = {"field": "alias", "value": "champion"}
    page = as_user(alice).post(version.get_absolute_url() + "edit/", edit, follow=True).content.decode()
    assert "Only people with the role Owner may change the alias champion" in page
    assert set_alias(api, boss, workspace).status_code == 200
    assert api(alice).delete(f"{workspace.arm_id}/models/digits/versions/1").status_code == 403
    assert api(alice).delete(f"{workspace.arm_id}/models/digits").status_code == 403
    as_user(boss).post(f"{RULES}{PromotionRule.objects.get().pk}/delete/")
    assert api(alice).delete(f"{workspace.arm_id}/models/digits/versions/1").status_code == 200


def test_a_version_must_have_what_the_rule_needs(as_user, api, alice, boss, workspace, version):
    form = {"kind": "alias", "name": "champion", "model_name": "digits", "needs_metrics": "accuracy >= 0.9"}
    form |= {"needs_tags": "reviewed", "needs_description": "on", "needs_other_person": "on", "needs_signature": "on"}
    assert as_user(boss).post(RULES, form).status_code == 302
    answer = set_alias(api, alice, workspace)
    assert answer.status_code == 409
    for words in ("other than you", "a description", "a signature", "the tag reviewed", "accuracy >= 0.9 (it is 0.8)"):
        assert words in answer.json()["error"]["message"], words
    PromotionRule.objects.update(needs_signature=False)
    version.edit(description="d", tags={"reviewed": "yes"})
    version.run.metrics.update(last=0.95)
    assert set_alias(api, boss, workspace).status_code == 200
    for wrong in ({"needs_metrics": "accuracy = 1"}, {"name": "v1"}, {"model_name": "none"}, {"kind": "x"}):
        assert as_user(boss).post(RULES, {**form, "name": "other", **wrong}).status_code == 400, wrong


def test_a_job_and_an_upload_are_registered_by_pages(as_user, alice, bob, workspace, version):
    artifacts.store_artifact(version.run, "outputs/model.pkl", iter([b"abc"]))
    client = as_user(alice)
    assert "outputs/model.pkl" in client.get(REGISTER, {"job": "teacher"}).content.decode()
    where = f"{REGISTER}settings/?job=teacher&path=outputs/model.pkl"
    assert client.post(where, {"name": "from job"}).status_code == 400
    made = client.post(where, {"name": "from-job", "tags": "a: b"})
    assert made.url.endswith("/models/from-job/versions/1/")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("saved/MLmodel", "flavors: {}\n")
        archive.writestr("saved/data/w.bin", "123")
    answer = client.post(f"{REGISTER}upload/", packed.getvalue(), content_type="application/zip")
    assert client.post(answer.json()["next"], {"name": "uploaded"}).status_code == 302
    row = ModelVersion.objects.get(model__name="uploaded")
    assert row.model_type == "mlflow_model" and row.source.endswith("/saved")
    assert client.post(f"{REGISTER}settings/?job=teacher&path=none", {"name": "m"}).status_code == 400
    stores.DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore")).write("m/a/w.bin", [b"123"])
    shown = client.get(REGISTER).content.decode()
    assert ">workspaceblobstore</option>" in shown and ">workspaceartifactstore</option>" not in shown
    where = f"{REGISTER}settings/?datastore=workspaceblobstore&path="
    assert "workspaceblobstore: m/a" in client.get(f"{where}m/a").content.decode()
    assert client.get(where).status_code == 400
    refused = client.post(f"{where}none", {"name": "stored"})
    assert refused.status_code == 400 and "has no file or folder" in refused.content.decode()
    assert client.post(f"{where}m/a", {"name": "stored"}).status_code == 302
    assert version_files.files_of(ModelVersion.objects.get(model__name="stored")).size() == 3
    assert as_user(bob).get(REGISTER).status_code == 403


def test_a_promotion_is_asked_for_and_approved(as_user, api, alice, bob, mallory, boss, workspace, version):
    PromotionRule.add(Actor(boss), workspace, "alias", "champion", role="Owner", needs_description=True)
    PromotionRule.add(Actor(boss), workspace, "stage", "Production", role="Owner")
    requests = f"/modelmanagement/v1.0{workspace.arm_id}/promotionRequests"
    ask = f"/modelmanagement/v1.0{workspace.arm_id}/models/digits/versions/1/promotionRequests"
    page = version.get_absolute_url()
    assert (
        as_user(alice).post(f"{page}promotion-requests/", {"promotion": "alias:champion", "message": "best"}).url
        == page
    )
    assert api(alice).post(ask, {"kind": "stage", "name": "Production"}).status_code == 201
    for body, status in (
        ({"kind": "stage", "name": "Production"}, 409),
        ({"kind": "stage", "name": "Staging"}, 400),
        ({"kind": "alias", "name": "latest"}, 400),
        ({"kind": "x", "name": "champion"}, 400),
        ({"kind": "alias", "name": "champion", "message": "x" * 501}, 400),
    ):
        assert api(alice).post(ask, body).status_code == status, body
    assert api(bob).post(ask, {"kind": "stage", "name": "Production"}).status_code == 403
    assert [row["name"] for row in api(bob).get(requests).json()["value"]] == ["Production", "champion"]
    assert api(mallory).get(requests).status_code == 404
    alias = version.promotion_requests.get(name="champion")
    assert [one.username for one in alias.list_approvers()] == ["boss"]
    shown = as_user(boss).get(page).content.decode()
    assert "best" in shown and f"{page}promotion-requests/{alias.pk}/" in shown
    decide = {"state": "approved"}
    assert api(alice).patch(f"{requests}/{alias.pk}", decide).status_code == 403
    assert api(boss).patch(f"{requests}/{alias.pk}", decide).status_code == 409, "it has no description yet"
    assert version.promotion_requests.open().count() == 2
    version.set_description("Digits.")
    as_user(boss).post(f"{page}promotion-requests/{alias.pk}/", decide)
    version.model.refresh_from_db()
    assert version.model.aliases == {"champion": 1}
    assert api(boss).patch(f"{requests}/{alias.pk}", decide).status_code == 409
    stage = version.promotion_requests.open().get()
    assert api(alice).patch(f"{requests}/{stage.pk}", {"state": "declined"}).json()["state"] == "declined"
    assert api(boss).patch(f"{requests}/999", decide).status_code == 404
    assert api(boss).get(f"{requests}?openOnly=true").json()["value"] == []
