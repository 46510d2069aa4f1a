"""Builds of environments for replicas: cancel, and build once more."""

import pytest
from django.urls import reverse

from accounts.activity import Activity
from compute import queue
from compute.models import ComputeTarget, ServiceBuild, Work
from endpoints.models import Replica, Revision
from tests import factories


@pytest.fixture
def build(deploy, workspace):
    """The running build for the first revision, and its page."""
    deploy()
    node = factories.make_node(ComputeTarget.objects.get(kind=ComputeTarget.Kind.CONTAINER), cores=1, memory_gb=1)
    work = queue.claim_work(node, [])
    ServiceBuild.append(work.pk, work.attempt, 0, "Python 3.11\n", False)
    return work, reverse("environments:build", args=[workspace.slug, work.pk])


def test_the_log_of_its_revision_links_it(build, as_user, alice):
    page = f"{Revision.objects.get().endpoint.get_absolute_url()}logs/"
    assert build[1] in as_user(alice).get(page).content.decode()
    ServiceBuild.objects.all().delete()
    assert "Log of the build" not in as_user(alice).get(page).content.decode()


def test_a_canceled_build_gives_its_revision_up(build, as_user, alice, bob):
    work, page = build
    assert as_user(bob).post(page, {"act": "cancel"}).status_code == 403
    assert as_user(alice).post(page, {"act": "cancel"}).status_code == 302
    revision = Revision.objects.get()
    assert (revision.stage, "canceled the build of its environment" in revision.reason) == ("Failed", True)
    work.refresh_from_db()
    assert work.stop_requested_at
    assert Activity.objects.filter(verb="endpoint.edit").exists()
    queue.finish_work(work.pk, work.attempt, "the build was cancelled")
    shown = as_user(alice).get(page).content.decode()
    assert "Canceled" in shown and "svc, revision 1" in shown


def test_a_rebuild_is_a_new_revision_with_another_key_of_the_cache(build, as_user, alice):
    work, page = build
    ServiceBuild.append(work.pk, work.attempt, 12, "", True)
    Replica.objects.get().become_ready()
    answer = as_user(alice).post(page, {"act": "rebuild"})
    second, first = Revision.objects.all()
    assert answer.headers["Location"] == first.endpoint.get_absolute_url()
    assert (first.stage, second.number) == ("Healthy", 2)
    assert second.environment == {**first.environment, "build": second.environment["build"]}
    assert Work.objects.exclude(pk=work.pk).get().spec["environment"]["build"] > 1_000_000
    # One that answers requests is not given up.
    ServiceBuild.objects.update(ended_at=None)
    assert as_user(alice).post(page, {"act": "cancel"}).status_code == 409
