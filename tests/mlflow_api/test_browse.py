"""The links that MLflow's clients print open what they name, for people who may see it."""

import pytest

from runs.models import Run

LINKS = {
    "/experiments/{experiment}/runs/{run}": "run",
    "/experiments/{experiment}/runs/{run}/artifacts/model/MLmodel": "run",
    "/experiments/{experiment}/runs/{run}?tab=traces": "run",
    "/experiments/0/runs/{run}": "run",
    "/experiments/{experiment}": "experiment",
    "/experiments/0": "experiment",
    "/experiments/0/traces": "experiment",
    "/experiments/{experiment}/models/{model}": "run",
    "/models/my model/versions/1": "version",
    "": "workspace",
    "/": "workspace",
}
NOWHERE = [
    "/experiments/{experiment}/runs/" + "0" * 32,
    "/experiments/00000000-0000-0000-0000-000000000000",
    "/experiments/17",
    "/experiments/{experiment}/models/m-1",
    "/models/my model/versions/2",
    "/models/my model/versions/9999999999",
    "/models/other/versions/1",
    "/models",
    "//evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/experiments/{experiment}/runs/../../x",
    "/experiments/<script>",
    "x" * 5000,
]


@pytest.fixture
def address(workspace):
    return f"/mlflow/v1.0{workspace.arm_id}/"


@pytest.fixture
def names(tracking):
    """A run with a logged model, of which a version is registered."""
    info = tracking.run(tracking.new_run())["info"]
    experiment, run = info["experiment_id"], info["run_id"]
    logged = tracking.post("logged-models", experiment_id=experiment, name="m", source_run_id=run)["model"]["info"]
    tracking.post("registered-models/create", name="my model")
    tracking.post("model-versions/create", name="my model", source=f"models:/{logged['model_id']}")
    return {"experiment": experiment, "run": run, "model": logged["model_id"]}


@pytest.mark.parametrize("link", LINKS)
def test_a_printed_link_opens_its_page(link, address, names, workspace, as_user, bob, client):
    run = Run.objects.get(run_id=names["run"])
    version = f"/ws/{workspace.slug}/models/my%20model/versions/1/"
    pages = {"run": run, "experiment": run.experiment, "workspace": workspace}
    wanted = version if LINKS[link] == "version" else pages[LINKS[link]].get_absolute_url()
    for start in (address, address.replace("v1.0", "v2.0")):
        assert as_user(bob).get(start, {"open": link.format(**names)}).url == wanted
    assert as_user(bob).get(wanted).status_code == 200
    # A person who is not signed in comes to it by the sign-in.
    requested = client.get(address, {"open": link.format(**names)}).url
    assert requested.startswith("/signin/?next=/mlflow/")
    assert ("open%3D" in requested) or not link


@pytest.mark.parametrize("link", NOWHERE)
def test_a_link_to_nothing_says_so(link, address, names, as_user, bob):
    answer = as_user(bob).get(address, {"open": link.format(**names)})
    assert answer.status_code == 404
    assert "text/html" in answer["Content-Type"]
    assert b"<h1>Not found</h1>" in answer.content
    assert b"<script>" not in answer.content


def test_strangers_learn_nothing(address, names, as_user, mallory, bob, client):
    link = "/experiments/{experiment}/runs/{run}".format(**names)
    assert as_user(mallory).get(address, {"open": link}).status_code == 404
    assert as_user(mallory).get(address, {"open": ""}).status_code == 404
    # The page that reads the fragment is the same wherever it stands.
    found = client.get(address)
    assert found.status_code == 200
    elsewhere = client.get(address.replace("aml-workspace", "nope"))
    assert elsewhere.status_code == 200
    for page in (found, elsewhere):
        assert b"mlflow-link" in page.content
        assert b"aml-workspace" not in page.content
    assert as_user(bob).post(address).status_code in (403, 405)


def test_the_page_of_a_version_says_what_it_is(tracking, names, workspace, as_user, bob, mallory):
    tracking.patch("model-versions/update", name="my model", version="1", description="Good <b>")
    tracking.post("registered-models/alias", name="my model", version="1", alias="champion")
    tracking.post("model-versions/set-tag", name="my model", version="1", key="k", value="v")
    address = f"/ws/{workspace.slug}/models/my model/versions/1/"
    page = as_user(bob).get(address).content.decode()
    for text in ("my model, version 1", "Good &lt;b&gt;", "champion", names["model"], f"/runs/{names['run']}/"):
        assert text in page
    assert as_user(mallory).get(address).status_code == 404
    assert as_user(bob).get(address.replace("/1/", "/2/")).status_code == 404
