"""The pages of environments: what they list, what jobs tell of builds, create, rebuild and remove."""

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone
from lazuli.environments import building, cache

from accounts.activity import Activity
from assets import environments, rebuilds
from assets.models import Environment, EnvironmentVersion
from compute import keys, queue
from compute.instances import power
from compute.models import ComputeInstance, Work
from compute.models import builds as service_builds
from runs import submission
from runs.files import artifacts
from runs.models import Run
from runs.pages.environments import builds, usage
from runs.pages.environments.forms import read_requirements
from tests import factories

CURATED = "AzureML-Minimal"
CONDA = "dependencies:\n- python=3.11\n- ffmpeg\n- pip:\n  - numpy==1.26.4\n"


@pytest.fixture
def version(workspace, alice) -> EnvironmentVersion:
    properties = {"condaFile": CONDA, "description": "For digits."}
    return environments.register_version(workspace, alice, "digits-env", "auto", properties)[0]


@pytest.fixture
def client(as_user, alice):
    return as_user(alice)


def url(name, version=None, *, slug="aml-workspace"):
    where = [version.environment.name, version.version] if version else []
    return reverse(f"environments:{name}", args=[slug, *where])


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def use(workspace, version, **fields) -> Run:
    name = version.environment.name
    return factories.make_run(workspace, environment_name=name, environment_version=version.version, **fields)


def test_everybody_in_the_workspace_reads_and_those_who_may_edit_change(as_user, bob, mallory, version):
    for name in ["detail", "build_log", "jobs"]:
        assert as_user(bob).get(url(name, version)).status_code == 200
        assert as_user(mallory).get(url(name, version)).status_code == 404
    assert as_user(bob).get(url("new")).status_code == 403
    for name in ["rebuild", "version_remove"]:
        assert as_user(bob).post(url(name, version)).status_code == 403
    page = text_of(as_user(bob).get(url("detail", version)))
    assert "Remove version" not in page and "Rebuild" not in page


def test_the_lists_show_custom_and_curated_ones_and_are_searched(client, version):
    page = text_of(client.get(url("list")))
    assert "digits-env" in page and "Not built yet" in page and "For digits." in page
    assert 'title="Environments" data-key="e" aria-current="page"' in page, "the menu leads here"
    curated = text_of(client.get(url("list"), {"kind": "curated", "q": "minimal"}))
    assert CURATED in curated and "digits-env" not in curated and "AzureML-Tutorial" not in curated
    assert "No environment matches" in text_of(client.get(url("list"), {"q": "nothing-like-it"}))


def test_the_list_costs_one_query_for_each_row(client, workspace, alice, version, django_assert_max_num_queries):
    for number in range(9):
        environments.register_version(workspace, alice, f"e{number}", "auto", {"condaFile": CONDA})
    with django_assert_max_num_queries(26):
        client.get(url("list"))


def test_the_details_show_packages_and_what_a_machine_leaves_out(client, version):
    page = text_of(client.get(url("detail", version)))
    assert "numpy==1.26.4" in page and "<dt>Python</dt><dd>3.11</dd>" in page
    assert "ffmpeg" in page and "leave out or change" in page
    assert client.get(reverse("environments:latest", args=["aml-workspace", "digits-env"])).url == url(
        "detail", version
    )
    assert client.get(url("detail", environments.curated_environments()[CURATED])).status_code == 200
    assert client.get("/ws/aml-workspace/environments/digits-env/versions/9/").status_code == 404


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "Completed", "started_at": timezone.now()}, "Succeeded"),
        ({"status": "Failed", "error": {"message": "The environment could not be built: no numpy."}}, "Failed"),
        ({"status": "Preparing"}, "Preparing"),
        ({"status": "Canceled"}, ""),
    ],
)
def test_the_newest_job_that_says_so_shows_the_state_of_the_build(workspace, version, fields, state):
    run = use(workspace, version, **fields)
    found = usage.read_usage(usage.runs_of_version(workspace, version))
    assert (found.state, found.last_used) == (state, run.created_at)
    older = use(workspace, version, status="Completed", started_at=timezone.now())
    Run.objects.filter(pk=older.pk).update(created_at=run.created_at - dt.timedelta(days=1))
    assert usage.read_usage(usage.runs_of_version(workspace, version)).state == (state or "Succeeded")


def test_the_log_of_the_newest_build_is_shown_and_an_older_one_by_its_job(client, workspace, version):
    first, second = use(workspace, version, status="Completed"), use(workspace, version, status="Completed")
    use(workspace, version, status="Completed")
    for run, line in [(first, b"built first\n"), (second, b"built second\n")]:
        artifacts.store_artifact(run, usage.BUILD_LOG, iter([line]))
    assert "built second" in text_of(client.get(url("build_log", version)))
    assert "built first" in text_of(client.get(url("build_log", version), {"job": first.run_id}))
    assert client.get(url("build_log", version), {"job": "another"}).status_code == 400


def test_without_a_build_the_log_says_when_there_will_be_one(client, version):
    assert "A machine builds it with the first job" in text_of(client.get(url("build_log", version)))


def test_jobs_of_the_version_and_of_all_versions(client, workspace, alice, version):
    other = environments.register_version(workspace, alice, "digits-env", "auto", {"condaFile": "dependencies: []"})[0]
    use(workspace, version, display_name="with the first")
    use(workspace, other, display_name="with the second")
    page = text_of(client.get(url("jobs", version)))
    assert "with the first" in page and "with the second" not in page
    assert "with the second" in text_of(client.get(url("jobs", version), {"all": ""}))


def submit(alice, workspace, **properties) -> Run:
    job = {"command": "true", "computeId": "cpu-cluster", **properties}
    name = submission.make_run_name("exp")
    return submission.submit_job(submission.Actor(alice), workspace, name, {"properties": job})


def test_a_job_is_of_the_version_that_it_names_or_carries_unchanged(client, alice, workspace, cluster, version):
    named = submit(alice, workspace, environmentId="digits-env")
    whole = {**version.definition, "version": None, "assetId": "x", "docker": {"baseImage": "any"}}
    carried = submit(alice, workspace, environmentDefinition=whole)
    changed = {**whole, "environmentVariables": {"A": "1"}}
    other = submit(alice, workspace, environmentDefinition=changed)
    curated = submit(alice, workspace, environmentId=CURATED)
    found = [(run.environment_name, run.environment_version) for run in (named, carried, other, curated)]
    assert found == [("digits-env", "1"), ("digits-env", "1"), ("", ""), (CURATED, "1")]
    page = text_of(client.get(named.get_absolute_url()))
    assert f'<a href="{url("detail", version)}">digits-env:1</a>' in page, "a run leads to its version"
    environments.remove_version(version)
    page = text_of(client.get(named.get_absolute_url()))
    assert "digits-env:1" in page and url("detail", version) not in page


def test_a_job_shows_the_packages_of_its_own_environment_and_leads_to_its_version_once_registered(
    client, as_user, bob, alice, workspace, cluster
):
    conda = {"dependencies": ["python=3.11", {"pip": ["scikit-learn==1.5.2"]}]}
    whole = {"name": "my-env", "python": {"condaDependencies": conda}, "environmentVariables": {"A": "1"}}
    run, default = submit(alice, workspace, environmentDefinition=whole), submit(alice, workspace)
    page, link = text_of(client.get(run.get_absolute_url())), f"{url('new')}?job={run.run_id}"
    assert all(word in page for word in ("my-env", "python=3.11", "scikit-learn==1.5.2", link))
    assert link not in text_of(as_user(bob).get(run.get_absolute_url()))
    assert environments.DEFAULT_NAME in text_of(client.get(default.get_absolute_url()))
    form = client.get(link).context["form"]
    sent = {name: form[name].value() for name in ("name", "kind", "packages")}
    detail = client.post(link, {**sent, "variables": "A=1"}).url
    assert detail == "/ws/aml-workspace/environments/my-env/versions/1/"
    assert f'<a href="{detail}">my-env:1</a>' in text_of(client.get(run.get_absolute_url()))
    assert client.get(f"{url('new')}?job=no-such").status_code == 404


def test_every_run_leads_readers_to_its_environment(as_user, bob, alice, workspace, cluster):
    """Jobs with an environment of their own, children that their scripts start, and runs outside of jobs."""
    conda = {"dependencies": ["python=3.11", {"pip": ["scikit-learn==1.5.2"]}]}
    job = submit(alice, workspace, environmentDefinition={"name": "my-env", "python": {"condaDependencies": conda}})
    child = factories.make_run(workspace, parent=job, root=job)
    alone = factories.make_run(workspace)
    old = factories.make_run(workspace, job={"command": "python train.py"})
    artifacts.append_to_artifact(alone, "model/requirements.txt", 0, b"numpy")
    reader, shown = as_user(bob), {}
    for run in (job, child, alone, old):
        link = reverse("runs:run_environment", args=[workspace.slug, run.run_id])
        assert f'<a href="{link}">' in text_of(reader.get(run.get_absolute_url()))
        shown[run] = text_of(reader.get(link))
        assert "Register this environment" not in shown[run]
    for run in (job, child):
        assert "my-env" in shown[run] and "scikit-learn==1.5.2" in shown[run]
    assert job.get_absolute_url() in shown[child] and "User-managed" in shown[alone]
    assert "?path=model%2Frequirements.txt" in shown[alone] and "outside of a job" in shown[alone]
    assert "no longer has the definition" in shown[old] and "outside of a job" not in shown[old]


def test_a_rebuild_is_carried_by_every_later_job_and_a_job_begins_with_it(client, alice, workspace, cluster, version):
    before = submit(alice, workspace, environmentId="digits-env:1")
    answer = client.post(url("rebuild", version), {"compute": "cpu-cluster"})
    run = Run.objects.get(experiment__name="prepare_image")
    assert answer.url == reverse("environments:build", args=["aml-workspace", run.work_id])
    assert "build" not in before.work.spec["environment"]
    assert run.work.spec["environment"]["build"] == 1 and run.work.state == Work.State.QUEUED
    client.post(url("rebuild", version), {"compute": ""})
    assert submit(alice, workspace, environmentId="digits-env").work.spec["environment"]["build"] == 2
    assert "Rebuild requested" in text_of(client.get(url("detail", version)))
    curated = environments.curated_environments()[CURATED]
    client.post(url("rebuild", curated), {"compute": ""})
    assert rebuilds.build_mark(workspace, curated) == {"build": 1}
    assert client.post(url("rebuild", version), {"compute": "no-such"}).status_code == 400


@pytest.mark.parametrize(
    ("sent", "dependencies"),
    [
        ({"kind": "conda", "packages": CONDA}, ["python=3.11", "ffmpeg", {"pip": ["numpy==1.26.4"]}]),
        (
            {"kind": "pip", "python": "3.12", "packages": "# ours\nnumpy==2.1.0  # new\n\npandas\n"},
            ["python=3.12", {"pip": ["numpy==2.1.0", "pandas"]}],
        ),
    ],
)
def test_an_environment_is_created_from_either_text(client, sent, dependencies):
    answer = client.post(url("new"), {"name": "mine", "variables": "A=1\nB=x=y", "tags": "team: vision", **sent})
    assert answer.url == "/ws/aml-workspace/environments/mine/versions/1/"
    made = EnvironmentVersion.objects.get(environment__name="mine")
    assert made.definition["python"]["condaDependencies"]["dependencies"] == dependencies
    assert (made.definition["environmentVariables"], made.tags) == ({"A": "1", "B": "x=y"}, {"team": "vision"})
    again = client.post(url("new"), {"name": "mine", "variables": "A=1\nB=x=y", "tags": "team: vision", **sent})
    assert again.url == answer.url and EnvironmentVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"packages": "dependencies: 7"}, "`dependencies` must be a list"),
        ({"packages": "a: &x 1\nb: *x"}, "without anchors and aliases"),
        ({"name": "AzureML-mine"}, "for curated environments"),
        ({"name": "a b"}, "environment name"),
        ({"kind": "pip", "packages": "-r more.txt"}, "there are no other files here"),
        ({"kind": "pip", "packages": "# nothing"}, "at least one package"),
        ({"variables": "no value"}, "Write each one as NAME=value"),
        ({"variables": "LD_PRELOAD=x"}, "set by the studio"),
    ],
)
def test_what_the_api_refuses_the_page_refuses_at_its_field(client, sent, says):
    answer = client.post(url("new"), {"name": "mine", "kind": "conda", "packages": CONDA, **sent})
    assert answer.status_code == 400 and says in answer.content.decode()
    assert not Environment.objects.exists()


def test_a_new_version_begins_with_what_is_there(client, version):
    page = client.get(url("new"), {"from": "digits-env:1"}).content.decode()
    assert 'value="digits-env"' in page and "numpy==1.26.4" in page


def test_continued_lines_of_a_requirements_file_are_one():
    assert read_requirements("numpy \\\n  ==1.26\nx[a]>1") == ["numpy   ==1.26", "x[a]>1"]


def test_removal_says_what_used_it_and_keeps_the_jobs(client, workspace, alice, version):
    use(workspace, version, status="Running")
    environments.register_version(workspace, alice, "digits-env", "auto", {"condaFile": "dependencies: []"})
    page = text_of(client.get(url("detail", version)))
    assert "1 job used it; 1 of them is active and will finish" in page
    assert client.post(url("version_remove", version)).url == "/ws/aml-workspace/environments/digits-env/"
    remove = reverse("environments:remove", args=["aml-workspace", "digits-env"])
    assert client.post(remove, {"confirm_name": "wrong"}).status_code == 400
    assert client.post(remove, {"confirm_name": "digits-env"}).url == url("list")
    assert not Environment.objects.exists() and Run.objects.count() == 1
    curated = environments.curated_environments()[CURATED]
    assert client.post(url("version_remove", curated)).status_code == 403


def test_the_palette_finds_environments(client, as_user, mallory, version):
    found = client.get(reverse("palette"), {"q": "digits-e", "ws": "aml-workspace"}).content.decode()
    assert "/ws/aml-workspace/environments/digits-env/" in found
    found = client.get(reverse("palette"), {"q": "minimal", "ws": "aml-workspace"}).content.decode()
    assert f"environments/{CURATED}/" in found and "Curated environment" in found
    assert "digits-env" not in as_user(mallory).get(reverse("palette"), {"q": "digits-e"}).content.decode()


def test_the_builds_show_who_builds_and_who_waits(client, as_user, bob, workspace, alice, version):
    builder = use(workspace, version, status="Preparing", display_name="the builder", node_name="node-a")
    other = use(workspace, version, status="Preparing", display_name="on the same machine")
    cached = use(workspace, version, status="Preparing", display_name="from the cache")
    use(workspace, version, status="Queued", display_name="in the queue")
    use(workspace, version, status="Running", display_name="long running")
    starts = {builder: "Python 3.11\n", other: f"{builds.WAITS}; its log follows.\n", cached: f"{builds.IS_CACHED}.\n"}
    for run, text in starts.items():
        artifacts.store_artifact(run, usage.BUILD_LOG, iter([text.encode()]))
    (found,) = builds.list_builds(workspace)
    assert (found.run, [run.display_name for run in found.waiting]) == (
        builder,
        ["on the same machine", "in the queue"],
    )
    page = text_of(client.get(url("builds")))
    assert all(words in page for words in ("the builder", "on the same machine", "in the queue", "node-a", "Building"))
    assert "from the cache" not in page and "long running" not in page
    assert reverse("runs:run_cancel", args=["aml-workspace", builder.run_id]) in page
    assert "path=azureml-logs%2F20_image_build_log.txt" in page
    assert "Cancel the build?" not in text_of(as_user(bob).get(url("builds")))
    assert url("builds") in text_of(client.get(url("list"))) and url("builds") in text_of(
        client.get(builder.get_absolute_url())
    )


def test_the_log_of_a_build_begins_with_the_words_that_the_page_looks_for(tmp_path, monkeypatch):
    monkeypatch.setenv("LAZULI_ENV_CACHE", str(tmp_path))
    lines, entry = [], cache.CacheEntry("key")
    with entry.lock_for_building(lines.append, lambda: False), pytest.raises(cache.BuildFailed):  # noqa: SIM117
        with cache.CacheEntry("key").lock_for_building(lines.append, lambda: bool(lines)):
            pass
    assert lines[0].startswith(builds.WAITS)
    building._take_cached(entry, ["x"], lines.append)
    assert lines[-1].startswith(builds.IS_CACHED)


def test_a_build_that_waits_for_a_node_or_for_another_workspace_is_listed(workspace, version):
    queued = use(
        workspace, version, status="Queued", experiment=factories.make_experiment(workspace, builds.BUILD_EXPERIMENT)
    )
    assert [(build.run, build.log) for build in builds.list_builds(workspace)] == [(queued, None)]
    Run.objects.all().delete()
    waits = use(workspace, version, status="Preparing")
    artifacts.store_artifact(waits, usage.BUILD_LOG, iter([f"{builds.WAITS}; its log follows.".encode()]))
    assert [build.waiting for build in builds.list_builds(workspace)] == [[waits]]


@pytest.fixture
def report(client, workspace, alice, settings, tmp_path):
    """A function that reports as the node of a compute instance, in its current attempt."""
    settings.SHARES_DIR = tmp_path
    instance = power.create_instance(workspace, alice, "lab-one", "Standard_DS1_v2")
    node = factories.make_node(instance.target)

    def send(status: int = 200, **body):
        held = list(node.assignments.current().values_list("work", flat=True))
        work = queue.claim_work(node, held) or Work.objects.get()
        headers = {"authorization": f"Bearer {keys.work_key(work)}"}
        address = f"/nodes/v1/work/{work.pk}/alive"
        assert client.post(address, body, content_type="application/json", headers=headers).status_code == status
        work.refresh_from_db()
        return work

    return send


def part(offset: int, text: str, is_done: bool = False) -> dict:
    return {"offset": offset, "text": text, "isDone": is_done}


def test_the_build_of_a_service_has_a_live_log_and_its_end(client, as_user, mallory, workspace, report):
    work = report(health="building", progress="Downloading torch <2.0>", build=part(0, "Python 3.11\n"))
    page = reverse("environments:build", args=[workspace.slug, work.pk])
    listed = text_of(client.get(url("builds")))
    assert "Compute instance lab-one" in listed and page in listed and "No environment is being built" not in listed
    instance = ComputeInstance.objects.get()
    assert page in text_of(client.get(instance.get_absolute_url()))
    # A report that is sent again adds nothing twice.
    for _ in range(2):
        report(health="building", build=part(7, "3.11\nDownloading torch <2.0>\n"))
    shown = text_of(client.get(page))
    assert "Python 3.11 Downloading torch &lt;2.0&gt; </pre>" in shown and 'hx-trigger="every 2s"' in shown
    assert as_user(mallory).get(page).status_code == 404 and client.put(page).status_code == 405
    report(health="starting", build=part(36, "", is_done=True))
    shown, listed = text_of(client.get(page)), text_of(client.get(url("builds")))
    assert "Succeeded" in shown and 'hx-trigger="every 2s"' not in shown
    assert "No environment is being built" in listed and "Ended builds" in listed and page in listed
    report(status=422, build=part(-1, ""))


def test_a_build_of_a_service_is_canceled_and_repeated(client, as_user, bob, workspace, report):
    work = report(health="building", build=part(0, "Python 3.11\n"))
    page = reverse("environments:build", args=[workspace.slug, work.pk])
    assert client.post(page, {"act": "stop"}).status_code == 400
    assert client.post(page, {"act": "rebuild"}).status_code == 409
    assert as_user(bob).post(page, {"act": "cancel"}).status_code == 403 and "Cancel build" not in text_of(
        as_user(bob).get(page)
    )
    # Its environment is built once more: with another number in the key of the cache, in a new attempt.
    report(health="starting", build=part(12, "", is_done=True))
    assert client.post(page, {"act": "rebuild"}).status_code == 302
    work = report(health="building", build=part(0, "again\n"))
    assert work.spec["environment"]["build"] == 1 and work.attempt == 3
    assert "again" in text_of(client.get(page)) and "3.11" not in text_of(client.get(page))
    assert client.post(page, {"act": "cancel"}).status_code == 302
    work.refresh_from_db()
    assert work.stop_requested_at and work.state == "claimed"
    queue.finish_work(work.pk, work.attempt, "The build was cancelled")
    assert "Canceled" in text_of(client.get(page))
    assert client.post(page, {"act": "cancel"}).status_code == 409
    assert set(Activity.objects.values_list("verb", flat=True)) >= {"compute.rebuild", "compute.stop"}


def test_only_the_end_of_a_very_long_log_is_kept(client, workspace, report, monkeypatch):
    monkeypatch.setattr(service_builds, "MAX_LOG", 10)
    work = report(health="building", build=part(0, "0123456789abc"))
    page = text_of(client.get(reverse("environments:build", args=[workspace.slug, work.pk])))
    assert "3456789abc" in page and "The first 3 characters of" in page


def test_the_build_of_a_job_has_a_page_of_the_same_kind(client, as_user, bob, workspace, version, cluster, alice):
    work = queue.enqueue(cluster, "run:builder", {}, alice)
    run = use(workspace, version, status="Preparing", display_name="the builder", work=work)
    page = reverse("environments:build", args=[workspace.slug, work.pk])
    assert 'class="nothing"' in text_of(client.get(page)) and "data-log" not in text_of(client.get(page))
    artifacts.store_artifact(run, usage.BUILD_LOG, iter([b"Python 3.11\n"]))
    shown = text_of(client.get(page))
    assert "Python 3.11" in shown and "Cancel the build?" in shown and "data-log" in shown
    assert page in text_of(client.get(url("builds")))
    assert "Cancel the build?" not in text_of(as_user(bob).get(page))
    assert client.post(page, {"act": "cancel"}).status_code == 400
    Run.objects.update(status="Failed", error={"message": f"{usage.BUILD_FAILED}: numpy is missing"})
    shown = text_of(client.get(page))
    assert "numpy is missing" in shown and url("rebuild", version) in shown


def test_the_builds_take_few_queries_however_many(client, workspace, version, django_assert_max_num_queries):
    for _ in range(8):
        run = use(workspace, version, status="Preparing")
        artifacts.store_artifact(run, usage.BUILD_LOG, iter([b"Python 3.11"]))
    factories.make_host("box", wheel_cache_bytes=3 * 1024**3, environment_cache_bytes=5 * 1024**3)
    with django_assert_max_num_queries(31):
        page = text_of(client.get(url("builds")))
    assert re.search(r'Custom environments\s*<span class="count">1</span>', page)
    assert re.search(r"Cached packages, which make builds faster, and built environments: box 3.* and 5", page)
