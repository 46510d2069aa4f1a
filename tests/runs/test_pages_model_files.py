"""The page of a registered model's version shows the files that its run has of it."""

import pytest

from registry.models import Model, ModelVersion
from runs.files import artifacts
from tests import factories


@pytest.fixture
def version(workspace):
    run = factories.make_run(workspace)
    for path in ["outputs/model/MLmodel", "outputs/model/data/weights_10.bin", "outputs/models.txt"]:
        artifacts.store_artifact(run, path, iter([b"flavors: {}\n"]))
    model = Model.objects.create(workspace=workspace, name="digits")
    return ModelVersion.objects.create(
        workspace=workspace, model=model, number=1, run=run, source=f"runs:/{run.run_id}/outputs/model"
    )


@pytest.mark.parametrize("source", ["runs:/x/outputs/model", "mlflow-artifacts:/e/x/artifacts/outputs/model"])
def test_the_files_of_the_model_are_shown_and_no_others(as_user, bob, version, source):
    ModelVersion.objects.update(source=source)
    page = as_user(bob).get(version.get_absolute_url()).content.decode()
    assert "outputs/model/MLmodel" in page and "weights_10.bin" in page and "models.txt" not in page
    page = as_user(bob).get(version.get_absolute_url(), {"path": "outputs/model/MLmodel"}).content.decode()
    assert '<span class="nt">flavors</span>' in page
    assert as_user(bob).get(version.get_absolute_url(), {"path": "outputs/models.txt"}).status_code == 400


def test_a_version_without_a_run_has_no_tree(as_user, bob, version):
    ModelVersion.objects.update(run=None)
    assert "Artifacts" not in as_user(bob).get(version.get_absolute_url()).content.decode()
