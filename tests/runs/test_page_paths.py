"""A new developer can follow a page from its URL to its template: the request goes through few files."""

import pathlib
import sys

import pytest
from django.urls import reverse

from runs.models import Run
from tests import factories

RUNS = pathlib.Path(__file__).resolve().parents[2] / "runs"
MAX_FILES = 6


def files_called(act) -> set[str]:
    """Modules of the pages that are called while `act` runs."""
    found, pages = set(), str(RUNS / "pages")

    def note(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(pages):
            found.add(str(pathlib.Path(frame.f_code.co_filename).relative_to(RUNS)))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize("page", ["jobs", "experiment", "run"])
def test_a_page_crosses_few_files(as_user, alice, workspace, page):
    experiment = factories.make_experiment(workspace, "digits")
    run = factories.make_run(workspace, experiment=experiment, created_by=alice)
    url = {
        "jobs": reverse("runs:jobs", args=[workspace.slug]) + "?filter=status+%3D+%27Completed%27",
        "experiment": experiment.get_absolute_url(),
        "run": run.get_absolute_url(),
    }[page]
    client = as_user(alice)
    answers = []
    files = {"urls.py", *files_called(lambda: answers.append(client.get(url)))}
    assert answers[0].status_code == 200
    assert "pages/access.py" in files
    assert len(files) <= MAX_FILES, sorted(files)


def modules_called(act) -> set[str]:
    """Modules of the house that are called while `act` runs, without models and template tags."""
    found, left_out = set(), ("/.venv/", "/tests/", "/models", "/templatetags/", "/migrations/")

    def note(frame, event, argument):
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(RUNS.parent)) and not any(part in name for part in left_out):
            found.add(str(pathlib.Path(name).relative_to(RUNS.parent)))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize("kind", ["plain", "parent", "failed"])
def test_the_page_of_a_job_crosses_few_modules_of_all_apps(as_user, alice, workspace, kind):
    """Counted from the URL to the template, without what the page of the workspace's properties needs as well: it is
    behind every page of a workspace."""
    fields = {"status": Run.Status.FAILED, "error": {"message": "no such file"}} if kind == "failed" else {}
    run = factories.make_run(workspace, created_by=alice, **fields)
    if kind == "parent":
        factories.make_run(workspace, experiment=run.experiment, parent=run, root=run, created_by=alice)
    client = as_user(alice)
    pages = [run.get_absolute_url(), reverse("workspaces:settings", args=[workspace.slug])]
    for page in pages:
        # The first request imports what it needs.
        assert client.get(page).status_code == 200
    of_job, of_workspace = (modules_called(lambda page=page: client.get(page)) for page in pages)
    files = {"runs/urls.py", *(of_job - of_workspace)}
    assert {"runs/pages/run/views.py", "runs/pages/run/overview.py", "runs/pages/access.py"} <= files
    assert len(files) <= MAX_FILES, sorted(files)
