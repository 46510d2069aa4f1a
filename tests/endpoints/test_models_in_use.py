"""The model that an endpoint serves stays as long as it is deployed."""

import re

import pytest

from accounts.actors import Actor
from endpoints import deployment
from registry import lineage
from studio.errors import Conflict
from tests import factories


def test_a_served_version_of_a_model_cannot_be_deleted(deploy, workspace, alice, as_user):
    version = factories.make_model_version(workspace, "digits")
    revision = deploy(models=[version])
    page = as_user(alice).post(f"{version.get_absolute_url()}delete/", follow=True).content.decode()
    assert "The endpoint svc serves digits" in page and "delete the endpoint first" in page
    with pytest.raises(Conflict, match="The endpoint svc serves digits"):
        version.model.move_to_trash(Actor(alice))
    version.refresh_from_db()
    assert version.deleted_at is None
    revision.stop()
    version.move_to_trash(Actor(alice))
    version.refresh_from_db()
    assert version.deleted_at
    with pytest.raises(Conflict, match="digits:1 is in the trash"):
        deployment.deploy_again(Actor(alice), revision)


def test_a_job_shows_the_endpoints_that_serve_its_models(deploy, workspace, alice, as_user):
    run = factories.make_run(workspace)
    version = factories.make_model_version(workspace, "digits", run=run, source_run_id=run.run_id)
    assert "Served by" not in as_user(alice).get(run.get_absolute_url()).content.decode()
    revision = deploy(models=[version])
    assert 'endpoints/svc/">svc</a>' in as_user(alice).get(run.get_absolute_url()).content.decode()
    revision.stop()
    assert "Served by" not in as_user(alice).get(run.get_absolute_url()).content.decode()


def test_the_lineage_reaches_the_endpoints_that_serve_a_model(
    deploy, workspace, alice, bob, mallory, as_user, django_assert_max_num_queries
):
    version = factories.make_model_version(workspace, "digits")
    start = lineage.key_of(version)
    assert not lineage.find_graph(workspace, start).edges
    revision = deploy(models=[version])
    graph = lineage.find_graph(workspace, start)
    assert [(edge.target.id, edge.label) for edge in graph.edges] == [("svc", "deployed")]
    assert lineage.find_graph(workspace, graph.edges[0].target).edges == graph.edges
    assert "/endpoints/svc/" in as_user(alice).get(f"{version.get_absolute_url()}lineage/").text
    tab, reader = f"{version.get_absolute_url()}endpoints/", as_user(bob)
    with django_assert_max_num_queries(17):
        page = reader.get(tab).text
    assert "/endpoints/svc/" in page and re.search('title="Models"[^>]*aria-current', page)
    assert [as_user(mallory).get(tab).status_code, reader.post(tab).status_code] == [404, 405]
    assert "This endpoint serves digits:1" in as_user(alice).get(f"{version.get_absolute_url()}delete/").text
    revision.stop()
    assert not lineage.find_graph(workspace, start).edges
