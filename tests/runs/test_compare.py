"""The pages that compare runs, through the front door."""


import pytest
from django.urls import reverse

from runs import metrics
from tests import factories
from tests.runs.sample_data import make_full_run, scalars

pytestmark = pytest.mark.django_db
TABS = ["details", "metrics", "charts", "scatter", "parallel", "images", "logs", "code"]


@pytest.fixture
def experiment(workspace):
    return factories.make_experiment(workspace, "digits")


@pytest.fixture
def runs(experiment, alice):
    """Two full runs and a bare one."""
    made = [make_full_run(experiment, alice, display_name=f"full {number}") for number in range(2)]
    made.append(factories.make_run(experiment.workspace, experiment=experiment, created_by=alice, display_name="bare"))
    for number, run in enumerate(made):
        metrics.ingest(run, "", scalars("score", [0.5 + number / 10]))
        run.edit(tags={"seed": str(number)})
    return made


def url(runs, **query) -> str:
    ids = ",".join(run if isinstance(run, str) else run.run_id for run in runs)
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"{reverse('runs:compare', args=['aml-workspace'])}?runs={ids}{more}"


def page_of(client, runs, **query) -> str:
    answer = client.get(url(runs, **query))
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


@pytest.fixture
def bobs(as_user, bob):
    """Bob only reads, which is all that comparing takes."""
    return as_user(bob)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_shows_the_runs(bobs, runs, tab):
    text = page_of(bobs, runs, tab=tab) if tab != "details" else page_of(bobs, runs)
    assert 'aria-current="page">' in text
    assert "full 0" in text and "full 1" in text


@pytest.mark.parametrize("tab", TABS)
def test_bare_runs_have_every_tab_too(bobs, experiment, tab):
    bare = [factories.make_run(experiment.workspace, experiment=experiment) for _ in range(2)]
    page_of(bobs, bare, tab=tab) if tab != "details" else page_of(bobs, bare)
