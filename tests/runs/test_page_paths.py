"""A newcomer can follow a page from its URL to its template: the request goes through few files."""

import pathlib
import sys

import pytest
from django.urls import reverse

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
