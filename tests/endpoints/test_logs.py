"""The log of a revision whose process has not printed anything yet."""

from compute import queue
from compute.models import ComputeTarget
from endpoints.models import Endpoint
from tests import factories
from tests.html import html_of


def test_the_log_says_what_a_revision_waits_for(deploy, api, as_user, alice, w):
    revision = deploy()
    page = f"{Endpoint.objects.get().get_absolute_url()}logs/"
    address = f"/modelmanagement/v1.0{w}/services/svc/logs"

    def read() -> str:
        text = api(alice).get(address).json()["content"]
        assert text.splitlines()[-1] in html_of(as_user(alice).get(page))
        return text

    assert read() == "Waiting for a node.\n"
    node = factories.make_node(ComputeTarget.objects.get(kind=ComputeTarget.Kind.CONTAINER), cores=1, memory_gb=1)
    work = queue.claim_work(node)
    assert read() == "Its process starts.\n"
    queue.renew_lease(work.pk, work.attempt, health="building", progress="Installing numpy 2.3")
    assert read() == "Its environment is being built: Installing numpy 2.3\n"
    queue.renew_lease(work.pk, work.attempt, health="starting", progress="", address="unix:/s")
    assert read() == "init() runs.\n"
    revision.append_log("Starting score.py.\n")
    assert read() == "Starting score.py.\ninit() runs.\n"
    revision.fail("The environment could not be built: there is no numpy 99.")
    assert read().endswith("score.py.\nThe environment could not be built: there is no numpy 99.\n")
    revision.stop()
    assert read() == "Starting score.py.\n"


def test_a_poll_of_the_log_gets_it_only_if_it_has_changed(deploy, as_user, alice):
    revision = deploy()
    client, htmx = as_user(alice), {"hx-request": "true", "hx-target": "endpoint-log"}
    page = f"{Endpoint.objects.get().get_absolute_url()}logs/"
    poll = html_of(client.get(page)).partition(f'hx-get="{page}')[2].partition('"')[0]
    assert client.get(page + poll, headers=htmx).status_code == 204
    revision.append_log("one more line\n")
    changed = client.get(page + poll, headers=htmx)
    assert changed.status_code == 200 and "one more line" in changed.content.decode()


def test_the_log_of_the_revision_that_answers_can_be_chosen(deploy, run_replica, as_user, alice):
    first = deploy()
    run_replica()
    first.append_log("the first one answers\n")
    deploy(version=2).fail("no weights")
    client, page = as_user(alice), f"{Endpoint.objects.get().get_absolute_url()}logs/"
    newest, live = html_of(client.get(page)), html_of(client.get(f"{page}?revision=1"))
    assert "no weights" in newest and "the first one" not in newest and 'href="?revision=1"' in newest
    assert "the first one answers" in live and "no weights" not in live
    poll = live.partition(f'hx-get="{page}')[2].partition('"')[0].replace("&amp;", "&")
    htmx = {"hx-request": "true", "hx-target": "endpoint-log"}
    assert client.get(page + poll, headers=htmx).status_code == 204
    for wrong in ("9", "x"):
        assert client.get(f"{page}?revision={wrong}").status_code == 404, wrong
