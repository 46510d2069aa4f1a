"""Sizes are rows; nobody sees more than the machines have, and a host is full when it is full."""

import pytest
from django.utils import timezone
from lazuli.agent import machine

from compute import autoscaler, keys, queue, sizes
from compute.models import Node, Scale, VmSize
from studio.errors import Invalid
from tests import factories

LAPTOP = machine.Machine(2, 7.6)


@pytest.fixture
def laptop(db, monkeypatch):
    monkeypatch.setattr(machine, "read_machine", lambda environ: LAPTOP)


def test_the_first_sizes_have_no_more_than_the_machine(laptop):
    found = {size.name: (size.vcpus, size.memory_gb, size.gpus) for size in sizes.all_sizes()}
    assert found["Standard_DS1_v2"] == (1, 3.5, 0)
    assert found["Standard_DS4_v2"] == found["Standard_NC24ads_A100_v4"] == (2, 7.6, 0)
    assert sizes.find_size("STANDARD_ds11_v2").name == "Standard_DS11_v2"


def test_of_sizes_that_the_machine_makes_the_same_one_is_listed(laptop):
    found = {size.name: sizes.find_azure_size(size) for size in sizes.merge_same_sizes(sizes.all_sizes(), [])}
    assert list(found) == ["Standard_DS1_v2", "Standard_DS2_v2", "Standard_DS3_v2", "Standard_NC6"]
    assert found["Standard_DS2_v2"] is None and found["Standard_DS3_v2"].vcpus == 4
    named = sizes.merge_same_sizes(
        sizes.all_sizes(), ["Standard_D8s_v3"], {size.family: 9 for size in sizes.all_sizes()}
    )
    assert "Standard_D8s_v3" in [size.name for size in named] and len(named) == 4
    # One of a family whose cores are used up stands for no other one.
    left = {size.family: 9 for size in sizes.all_sizes()} | {"standardDSv2Family": 0}
    names = [size.name for size in sizes.merge_same_sizes(sizes.all_sizes(), [], left)]
    assert "Standard_D2_v2" in names and "Standard_DS2_v2" not in names
    VmSize.objects.filter(name="Standard_DS4_v2").update(follows_machines=False)
    assert "Standard_DS4_v2" in [size.name for size in sizes.merge_same_sizes(sizes.all_sizes(), [])]


def test_the_suggested_size_fits_twice(laptop):
    assert sizes.suggest_size() == "Standard_DS1_v2"
    VmSize.objects.all().delete()
    sizes.fit_to_machine(machine.Machine(9, 64))
    assert sizes.suggest_size() == "Standard_DS3_v2"


def test_sizes_grow_with_a_larger_host_but_not_what_an_administrator_has_set(laptop, api):
    sizes.all_sizes()
    VmSize.objects.filter(name="Standard_DS3_v2").update(vcpus=1, follows_machines=False)
    host = factories.make_host("large")
    body = {"cpus": 6, "memoryGB": 20, "gpus": 1, "nodes": []}
    api(keys.host_key(host)).post("/nodes/v1/host", body)
    found = {size.name: (size.vcpus, size.memory_gb, size.gpus) for size in sizes.all_sizes()}
    assert found["Standard_DS3_v2"] == (1, 7.6, 0)
    assert found["Standard_DS4_v2"] == (6, 20, 0) and found["Standard_NC6"] == (6, 20, 1)
    # A smaller one takes nothing away.
    api(keys.host_key(factories.make_host("small"))).post("/nodes/v1/host", body | {"cpus": 1})
    assert sizes.find_size("Standard_DS4_v2").vcpus == 6


def test_a_size_that_is_no_longer_offered_stays_with_its_clusters(workspace, alice, cluster):
    VmSize.objects.filter(pk=sizes.find_size(cluster.vm_size).pk).update(is_offered=False)
    assert cluster.size.vcpus == 2
    with pytest.raises(Invalid, match="Standard_DS11_v2 is no longer offered"):
        type(cluster).create(workspace, alice, "other", cluster.vm_size, Scale())


def test_the_administrator_changes_sizes_and_they_stay(client, admin_user):
    size = sizes.find_size("Standard_DS3_v2")
    client.force_login(admin_user)
    fields = {"name": size.name, "family": size.family, "category": size.category, "storage_gb": 1, "gpu": ""}
    numbers = {"vcpus": 3, "memory_gb": 9, "gpus": 0, "hourly_price": 0.25, "follows_machines": "on"}
    answer = client.post(f"/admin/rows/compute/vmsize/{size.pk}/change/", fields | numbers | {"is_offered": "on"})
    assert answer.status_code == 302
    size.refresh_from_db()
    assert (size.vcpus, size.price, size.follows_machines) == (3, 0.25, False)


def test_a_full_host_gets_no_further_node(cluster, alice, host):
    host.cpus = 5
    host.save()
    cluster.cluster.change(Scale(0, 10, 60))
    for number in range(9):
        queue.enqueue(cluster, f"run:{number}", {}, alice)
    autoscaler.autoscale()
    assert cluster.nodes.count() == 2
    cluster.nodes.first().mark_lost("Gone.")
    autoscaler.autoscale()
    assert cluster.nodes.count() == 3


def test_memory_and_gpus_make_a_host_full_too(workspace, alice):
    for name, size, machine_fields in (
        ("memory", "Standard_DS11_v2", {"memory_gb": 30}),
        ("gpus", "Standard_NC4as_T4_v3", {"gpus": 2}),
    ):
        target = factories.make_target(workspace, name, vm_size=size, max_nodes=5)
        factories.make_host(name, heartbeat_at=timezone.now(), **machine_fields)
        for number in range(3):
            queue.enqueue(target, f"run:{name}-{number}", {}, alice)
        autoscaler.balance_cluster(target)
        assert target.nodes.count() == 2
        target.nodes.first().host.nodes.first().host.delete()


def test_an_idle_node_makes_room_for_another_cluster(workspace, cluster, alice, host, notified):
    host.cpus = 2
    host.save()
    idle = factories.make_node(cluster, host, name="idle", state="idle", cores=2, heartbeat_at=timezone.now())
    other = factories.make_target(workspace, "other")
    queue.enqueue(other, "run:one", {}, alice)
    autoscaler.balance_cluster(other)
    idle.refresh_from_db()
    assert (idle.state, idle.message) == ("leaving", "The cluster other needs its capacity on box.")
    assert not other.nodes.exists()
    idle.end()
    autoscaler.balance_cluster(other)
    assert other.nodes.get().host == host


@pytest.mark.parametrize("why", ["minimum", "queue", "work"])
def test_a_node_that_its_cluster_needs_makes_no_room(workspace, cluster, alice, host, why):
    host.cpus = 2
    host.save()
    node = factories.make_node(cluster, host, state="idle", cores=2, heartbeat_at=timezone.now())
    if why == "minimum":
        cluster.cluster.change(Scale(1, 1, 0))
    else:
        queue.enqueue(cluster, "run:mine", {}, alice)
    if why == "work":
        queue.claim_work(node)
    other = factories.make_target(workspace, "other")
    queue.enqueue(other, "run:one", {}, alice)
    autoscaler.balance_cluster(other)
    assert Node.objects.get().state in ("idle", "running")
