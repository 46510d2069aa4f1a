"""Rows of the catalogue about pages, forms and sign-in."""

from django.test import Client

from runs.models import Experiment, Run
from workspaces.models import Workspace


def test_what_people_write_is_shown_as_text(world, owner, workspace):
    evil = "<script>alert(1)</script>{{7*7}}"
    Workspace.objects.filter(pk=workspace.pk).update(friendly_name=evil, description=evil, tags={evil: evil})
    Run.objects.filter(run_id="r1").update(display_name=evil, description=evil)
    Experiment.objects.update(description=evil)
    browser = Client()
    browser.force_login(owner)
    for path in (
        "/",
        "/ws/aml-workspace/",
        "/ws/aml-workspace/settings/",
        "/ws/aml-workspace/jobs/",
        "/ws/aml-workspace/runs/r1/",
    ):
        page = browser.get(path).content.decode()
        assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
