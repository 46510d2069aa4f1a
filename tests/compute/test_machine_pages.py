"""The page of machines: how full they are, and who may close and open them."""

import pytest
from django.urls import reverse

from tests import factories


@pytest.fixture
def url(workspace):
    return lambda name, *words: reverse(f"compute:{name}", args=[workspace.slug, *words])


@pytest.fixture
def admin(workspace):
    return factories.make_user("root", is_superuser=True, is_staff=True)


def test_the_page_shows_what_is_free_and_names_only_nodes_of_the_workspace(as_user, bob, url, cluster, host):
    factories.make_node(cluster, host, name="mine", cores=2, memory_gb=14, state="idle")
    factories.make_node(factories.make_target(factories.make_workspace()), host, name="theirs", cores=1)
    page = as_user(bob).get(url("machine_list")).content.decode()
    assert "13 of 16" in page and "113 of 128 GB" in page and "mine" in page
    assert "theirs" not in page and "1 of other workspaces" in page and "Drain" not in page


def test_a_site_administrator_drains_and_opens_a_machine(as_user, admin, url, host):
    client = as_user(admin)
    assert client.post(url("machine_drain", host.pk)).url == url("machine_list")
    host.refresh_from_db()
    assert not host.is_open and "Accept jobs" in client.get(url("machine_list")).content.decode()
    for _ in range(3):
        host.record_failure("The runner was killed.")
    page = client.get(url("machine_list")).content.decode()
    assert "Quarantine" in page and "The last: The runner was killed." in page
    client.post(url("machine_open", host.pk))
    host.refresh_from_db()
    assert (host.is_open, host.failures) == (True, 0)
    assert client.post(url("machine_open", 999)).status_code == 404


def test_others_see_that_a_machine_is_closed_without_the_words_of_a_job(as_user, alice, url, host):
    for _ in range(3):
        host.record_failure("The runner was killed. secret words")
    page = as_user(alice).get(url("machine_list")).content.decode()
    assert "It is in quarantine after 3 failures in a row." in page and "secret words" not in page
    assert as_user(alice).post(url("machine_open", host.pk)).status_code == 403


def test_who_edits_compute_drains_a_node(as_user, alice, bob, url, cluster, node):
    path = url("node_drain", "cpu-cluster", "node-a")
    assert as_user(bob).post(path).status_code == 403
    assert as_user(alice).post(path).url == url("cluster_nodes", "cpu-cluster")
    page = as_user(alice).get(url("cluster_nodes", "cpu-cluster")).content.decode()
    assert "It was drained." in page
    assert as_user(alice).post(url("node_drain", "cpu-cluster", "gone")).status_code == 404
