"""Inference clusters: created by page, REST and SDK, with nodes of their own for services alone."""

import pytest
from azureml.core.compute import AksCompute
from azureml.exceptions import ComputeTargetException
from django.urls import reverse
from django.utils import timezone

from compute import autoscaler, capacity, queue
from compute.models import ComputeTarget, Host, Node, Scale, Work
from compute.rules import Purpose
from studio.errors import Invalid
from tests import factories

BODY = {"computeType": "AKS", "properties": {"agentVmSize": "STANDARD_DS3_V2", "clusterPurpose": "DevTest"}}


@pytest.fixture
def inference(workspace, alice, host):
    kind = ComputeTarget.Kind.INFERENCE
    size = "STANDARD_DS3_V2"
    return ComputeTarget.create(workspace, alice, "serve", size, Scale(1, 1, 0), kind=kind, purpose=Purpose.TESTS)


def test_rest_creates_and_scales_it(api, alice, computes):
    client = api(alice)
    made = client.put(f"{computes}/serve", {"location": "local", "properties": BODY})
    assert made.status_code == 201, made.content
    properties = made.json()["properties"]
    assert properties["computeType"] == "AKS"
    assert properties["properties"]["agentCount"] == 1 and properties["properties"]["clusterPurpose"] == "DevTest"
    larger = client.patch(f"{computes}/serve", {"properties": {"properties": {"agentCount": 2}}}).json()
    assert larger["properties"]["properties"]["agentCount"] == 2
    other = {"properties": {"computeType": "AKS", "properties": {"clusterPurpose": "FastProd"}}}
    assert client.patch(f"{computes}/serve", other).status_code == 409


def test_production_needs_three_nodes_and_twelve_cores(api, alice, computes):
    inner = {"agentVmSize": "STANDARD_DS3_V2", "agentCount": 2}
    answer = api(alice).put(f"{computes}/serve", {"properties": {"computeType": "AKS", "properties": inner}})
    assert answer.status_code == 400
    assert "2 nodes of this size have 8" in answer.json()["error"]["message"]


def test_its_nodes_take_room_on_any_machine(inference, host):
    before = capacity.measure_free_resources([host])[host.pk].cores
    autoscaler.balance_cluster(inference)
    assert [node.host for node in Node.objects.all()] == [host]
    assert capacity.measure_free_resources([host])[host.pk].cores == before - 4
    Host.objects.filter(pk=host.pk).update(cpus=1)
    Node.objects.all().delete()
    autoscaler.balance_cluster(inference)
    assert not Node.objects.exists()
    joined = factories.make_host("joined", cpus=64, heartbeat_at=timezone.now(), joined_at=timezone.now())
    autoscaler.balance_cluster(inference)
    assert [node.host for node in Node.objects.all()] == [joined]


def test_jobs_are_refused_with_where_to_submit_them(api, alice, inference, w):
    job = {"properties": {"jobType": "Command", "command": "true", "computeId": "serve", "experimentName": "e"}}
    answer = api(alice).put(f"{w}/jobs/job-1", job)
    assert answer.status_code == 400 and "submit jobs to a compute cluster" in answer.json()["error"]["message"]


def test_pages_create_show_and_change_it(as_user, alice, workspace, host):
    client, new = as_user(alice), reverse("compute:inference_new", args=[workspace.slug])
    form = {"name": "serve", "vm_size": "Standard_DS3_v2", "agent_count": "2", "purpose": "FastProd"}
    assert "2 nodes of this size have 8" in client.post(new, form).content.decode()
    page = client.post(new, form | {"purpose": "DevTest"}, follow=True).content.decode()
    assert "Inference cluster serve was created." in page and "Healthy services" in page
    assert "Development and tests" in page and "Use it" not in page
    target = ComputeTarget.objects.get(name="serve")
    edit = reverse("compute:cluster_edit", args=[workspace.slug, "serve"])
    assert client.post(edit, {"agent_count": "3"}).status_code == 302
    target.cluster.refresh_from_db()
    assert (target.cluster.min_nodes, target.cluster.max_nodes) == (3, 3)
    assert "0 of 3" in client.get(reverse("compute:inference_list", args=[workspace.slug])).content.decode()
    assert "serve" not in client.get(reverse("compute:list", args=[workspace.slug])).context["page"].object_list


def test_the_page_says_how_many_services_answer(as_user, alice, inference, host):
    node = factories.make_node(inference, host, state="idle", heartbeat_at=timezone.now())
    work = queue.enqueue(inference, "run:service", {}, alice)
    Work.objects.update(life=Work.Life.KEPT_UP)
    assert queue.claim_work(node).pk == work.pk
    queue.renew_lease(work.pk, 1, health="healthy")
    assert "<dd>1 of 1</dd>" in as_user(alice).get(inference.get_absolute_url()).content.decode()


def test_scaling_keeps_the_rule_of_its_purpose(workspace, alice):
    kind = ComputeTarget.Kind.INFERENCE
    made = ComputeTarget.create(
        workspace, alice, "prod", "STANDARD_DS3_V2", Scale(3, 3, 0), kind=kind, purpose=Purpose.PRODUCTION
    )
    with pytest.raises(Invalid, match="at least 3 nodes"):
        made.scale(Scale(2, 2, 0))


def test_the_sdk_says_what_cannot_be():
    assert AksCompute.provisioning_configuration(cluster_purpose="DevTest", agent_count=1).agent_count == 1
    with pytest.raises(ComputeTargetException, match="write FastProd or DevTest"):
        AksCompute.provisioning_configuration(cluster_purpose="fast")
    with pytest.raises(ComputeTargetException, match="cannot be attached here"):
        AksCompute.attach_configuration(resource_group="g", cluster_name="c")
