"""The compute pages, for each persona."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import timezone

from accounts.actors import Actor
from compute import charts, queue, search, sizes
from compute.models import Assignment, ComputeTarget, Host, Scale
from studio import env
from tests import factories
from tests.html import html_of


@pytest.fixture
def url(workspace):
    return lambda name, *words: reverse(f"compute:{name}", args=[workspace.slug, *words])


def form(**changed) -> dict:
    return {"name": "gpu-1", "min_nodes": 0, "max_nodes": 2, "idle_seconds": 90, **changed}


def test_list_shows_clusters_with_their_numbers(as_user, bob, url, cluster, node, alice):
    queue.enqueue(cluster, "run:one", {}, alice)
    page = as_user(bob).get(url("list")).content.decode()
    for words in ("cpu-cluster", "(1 node)", "STANDARD_DS11_V2", "Unprovisioned"):
        assert words in page
    assert url("cluster_new") not in page


def test_pages_say_in_red_which_machine_does_not_isolate_scripts(as_user, bob, url, cluster, host):
    client, pages = as_user(bob), [url("list"), url("cluster_detail", cluster.name)]
    assert not any("are not isolated" in client.get(page).content.decode() for page in pages)
    Host.objects.update(isolation_problem="NODE_ISOLATION is off.")
    assert all("NODE_ISOLATION is off." in client.get(page).content.decode() for page in pages)


def test_list_polls_only_while_something_can_change(as_user, bob, url, cluster, alice):
    client = as_user(bob)
    assert 'hx-trigger="every' not in client.get(url("list")).content.decode()
    queue.enqueue(cluster, "run:one", {}, alice)
    assert 'hx-trigger="every' in client.get(url("list")).content.decode()


def test_an_empty_list_offers_a_cluster_to_those_who_may_make_one(as_user, alice, bob, url):
    assert url("cluster_new") in as_user(alice).get(url("list")).content.decode()
    assert "Ask a Contributor" in as_user(bob).get(url("list")).content.decode()


def test_list_searches_and_sorts(as_user, bob, url, workspace):
    for name in ("alpha", "beta"):
        factories.make_target(workspace, name)
    page = as_user(bob).get(url("list"), {"q": "alp", "sort": "-name"}).content.decode()
    assert "alpha" in page
    assert "beta" not in page


def test_lists_take_few_queries_however_long(as_user, bob, url, workspace, alice, django_assert_max_num_queries):
    for _ in range(10):
        target = factories.make_target(workspace)
        queue.enqueue(target, "run:x", {}, alice)
        queue.claim_work(factories.make_node(target, state="idle"))
    # The first who asks for sizes makes them.
    sizes.all_sizes()
    client = as_user(bob)
    with django_assert_max_num_queries(12):
        client.get(url("list"))
    for page in ("cluster_nodes", "cluster_jobs", "cluster_detail"):
        with django_assert_max_num_queries(14):
            client.get(url(page, target.name))


def test_wizard_lists_sizes_and_what_the_quota_refuses(as_user, alice, url, workspace):
    factories.make_target(workspace, vm_size="Standard_D8s_v3", max_nodes=12)
    answer = as_user(alice).get(url("cluster_new"))
    allowed = {row["size"].name: row["is_allowed"] for row in answer.context["rows"]}
    assert allowed["Standard_D4s_v3"] and not allowed["Standard_D8s_v3"] and "Standard_NC6" not in allowed
    assert "over the quota" in html_of(answer)
    assert "Standard_NC6" in as_user(alice).get(url("cluster_new"), {"kind": "gpu"}).content.decode()


def test_wizard_shows_the_connected_machines_and_which_sizes_fit(as_user, alice, url):
    page = html_of(as_user(alice).get(url("cluster_new")))
    assert "No machine is connected" in page and "no machine has capacity" in page
    factories.make_host(name="lab-1", cpus=4, memory_gb=15.6, heartbeat_at=timezone.now())
    factories.make_host(name="gone", cpus=64, memory_gb=512, heartbeat_at=None)
    rows = {row["size"].name: row["at_once"] for row in as_user(alice).get(url("cluster_new")).context["rows"]}
    assert (rows["Standard_DS1_v2"], rows["Standard_DS2_v2"], rows["Standard_DS3_v2"]) == (4, 2, 1)
    assert rows["Standard_D8s_v3"] == rows["Standard_E4s_v3"] == 0
    page = html_of(as_user(alice).get(url("cluster_new")))
    assert "lab-1" in page and "15.6 GB" in page and "gone" not in page


def test_prices_are_shown_only_if_the_administrator_set_them(as_user, alice, url, cluster, settings):
    settings_page = url("cluster_new_settings") + "?size=Standard_DS11_v2"
    pages = [url("cluster_new"), settings_page, url("cluster_detail", cluster.name)]
    client = as_user(alice)
    assert not any("$" in html_of(client.get(page)) for page in pages)
    settings.VM_PRICES = {"standard_ds11_v2": 0.5}
    assert all("$0.500 an hour" in html_of(client.get(page)) for page in pages)


def test_wizard_refuses_what_is_not_on_offer(as_user, alice, url):
    answer = as_user(alice).get(url("cluster_new"), {"kind": "tpu"})
    assert answer.status_code == 400


def test_second_step_makes_the_cluster(as_user, alice, url):
    path = url("cluster_new_settings") + "?size=Standard_D2s_v3"
    assert "Standard_D2s_v3" in as_user(alice).get(path).content.decode()
    answer = as_user(alice).post(path, form(tags="team: vision"))
    assert (answer.status_code, answer.url) == (302, url("cluster_detail", "gpu-1"))
    made = ComputeTarget.objects.get()
    assert (made.vm_size, made.location) == ("Standard_D2s_v3", made.workspace.location)
    assert made.scale_settings == Scale(0, 2, 90)
    assert (made.tags, made.created_by) == ({"team": "vision"}, alice)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "-x"}, "is not a compute name"),
        ({"name": "CPU-cluster"}, "There is a compute target cpu-cluster"),
        ({"min_nodes": 3}, "The minimum of 3 nodes is more than the maximum of 2"),
        ({"max_nodes": 0}, "from 1 to 100"),
        ({"max_nodes": 60}, "At most 24 such nodes"),
        ({"idle_seconds": ""}, "This field is required"),
    ],
)
def test_second_step_says_what_is_wrong(as_user, alice, url, cluster, changed, words):
    answer = as_user(alice).post(url("cluster_new_settings") + "?size=Standard_DS3_v2", form(**changed))
    assert answer.status_code == 200
    assert words in answer.content.decode().replace("&#x27;", "'")
    assert ComputeTarget.objects.count() == 1


def test_name_is_checked_while_it_is_typed(as_user, alice, url, cluster):
    client = as_user(alice)
    for name, words in (("x-1", "This name is free"), ("1", "is not a compute name"), ("CPU-CLUSTER", "already")):
        assert words in client.get(url("cluster_name_check"), {"name": name}).content.decode()


def test_detail_draws_the_nodes(as_user, bob, url, cluster, node):
    page = html_of(as_user(bob).get(url("cluster_detail", "cpu-cluster")))
    assert 'aria-label="1 node, 1 idle"' in page
    assert url("cluster_edit", "cpu-cluster") not in page


def test_nodes_page_links_the_run_in_hand(as_user, bob, url, workspace, cluster, node, alice):
    queue.enqueue(cluster, "run:my-run_1", {}, alice)
    queue.claim_work(node)
    Assignment.objects.update(gpu_ids="GPU-a,GPU-b")
    factories.make_node(cluster, state="unusable", message="Node n was lost: its process was killed by signal 9.")
    page = as_user(bob).get(url("cluster_nodes", "cpu-cluster")).content.decode()
    assert f"/ws/{workspace.slug}/runs/my-run_1/" in page
    assert "killed by signal 9" in page
    assert "GPU-a, GPU-b" in page


def test_jobs_page_shows_the_position_in_the_queue(as_user, bob, url, workspace, cluster, alice):
    for number in range(2):
        queue.enqueue(cluster, f"run:r{number}", {}, alice)
    page = html_of(as_user(bob).get(url("cluster_jobs", "cpu-cluster")))
    assert page.index("no. 2 in the queue") < page.index("no. 1 in the queue")
    assert f"/ws/{workspace.slug}/runs/r1/" in page


def test_edit_scales(as_user, alice, url, cluster, notified, django_capture_on_commit_callbacks):
    path = url("cluster_edit", "cpu-cluster")
    assert 'value="2"' in as_user(alice).get(path).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_user(alice).post(path, form(min_nodes=1, max_nodes=3, description="New"))
    assert answer.url == url("cluster_detail", "cpu-cluster")
    cluster.refresh_from_db()
    assert (cluster.cluster.min_nodes, cluster.cluster.max_nodes, cluster.description) == (1, 3, "New")
    assert notified == [("compute.tasks.autoscale", "control")]


def test_delete_asks_for_the_name(as_user, alice, url, cluster):
    path = url("cluster_delete", "cpu-cluster")
    assert as_user(alice).post(path, {"confirm_name": "cpu"}).status_code == 400
    assert ComputeTarget.objects.get().state == "Succeeded"
    assert as_user(alice).post(path, {"confirm_name": "cpu-cluster"}).url == url("list")
    assert ComputeTarget.objects.get().state == "Deleting"


PAGES = ["list", "cluster_detail", "cluster_nodes", "cluster_jobs"]
EDITS = ["cluster_new", "cluster_new_settings", "cluster_name_check", "cluster_edit"]


def address(url, page) -> str:
    return (
        url(page)
        if page in ("list", "cluster_new", "cluster_new_settings", "cluster_name_check")
        else url(page, "cpu-cluster")
    )


@pytest.mark.parametrize("page", PAGES + EDITS)
def test_who_sees_which_page(as_user, client, alice, bob, mallory, url, cluster, page):
    path = address(url, page)
    assert as_user(alice).get(path).status_code == 200
    assert as_user(bob).get(path).status_code == (200 if page in PAGES else 403)
    assert as_user(mallory).get(path).status_code == 404
    assert client.get(path).status_code == 302
    assert as_user(alice).delete(path).status_code == 405


@pytest.mark.parametrize("page", ["cluster_edit", "cluster_delete", "cluster_new_settings"])
def test_who_may_change(as_user, bob, mallory, url, cluster, page):
    path, data = address(url, page), form(confirm_name="cpu-cluster")
    assert as_user(bob).post(path, data).status_code == 403
    assert as_user(mallory).post(path, data).status_code == 404
    assert list(ComputeTarget.objects.values_list("state", "cluster__max_nodes")) == [("Succeeded", 2)]


def test_delete_by_get_is_refused(as_user, alice, url, cluster):
    assert as_user(alice).get(url("cluster_delete", "cpu-cluster")).status_code == 405


def test_an_unknown_cluster_is_not_found(as_user, bob, url):
    assert as_user(bob).get(url("cluster_detail", "nope")).status_code == 404


def test_home_page_has_a_card(as_user, bob, workspace, cluster):
    page = as_user(bob).get(workspace.get_absolute_url()).content.decode()
    assert 'id="home-compute"' in page
    assert "0 of 2" in page


def test_palette_finds_clusters_the_actor_may_see(bob, mallory, workspace, cluster):
    hits = search.search_computes(Actor(bob), workspace, "cpu", 5)
    assert [(hit.title, hit.kind) for hit in hits] == [("cpu-cluster", "Compute")]
    assert search.search_computes(Actor(mallory), None, "cpu", 5) == []


def test_donut_slices_fill_the_ring():
    drawn = charts.node_donut({"idle": 1, "running": 2, "unusable": 1})
    assert drawn["total"] == 4
    assert [(s.state, s.share, s.start) for s in drawn["slices"] if s.count] == [
        ("running", 50.0, 0.0),
        ("idle", 25.0, 50.0),
        ("unusable", 25.0, 75.0),
    ]


def test_admin_finds_every_object(as_user, owner, cluster, node, alice):
    queue.enqueue(cluster, "run:one", {}, alice)
    for model in ("host", "computetarget", "node", "work"):
        answer = as_user(owner).get(reverse(f"admin:compute_{model}_changelist"), {"q": "o"})
        assert answer.status_code == 200


@pytest.mark.parametrize("value", ["Standard_DS3_v2", "Standard_DS3_v2=free", "=1", "x=-1"])
def test_a_wrong_price_stops_the_start_by_name(monkeypatch, value):
    monkeypatch.setenv("VM_PRICES", value)
    with pytest.raises(ImproperlyConfigured, match="VM_PRICES"):
        env.read_amounts("VM_PRICES")


def test_a_price_of_an_unknown_size_stops_the_start(settings):
    settings.VM_PRICES = {"standard_x": 1.0}
    with pytest.raises(ImproperlyConfigured, match="no size 'standard_x'"):
        sizes.check_settings()
