"""The commands against the real application."""

from __future__ import annotations

import json

import pytest
from azureml.core import Dataset, Environment, Experiment, Run, RunConfiguration, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from lazuli import cli
from lazuli.environments.definitions import DEFAULT_PACKAGES


@pytest.fixture
def lazuli(capsys, monkeypatch, tmp_path):
    """Runs a command in an empty folder; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*words, main=cli.main):
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return run


def as_json(answer):
    code, out, err = answer
    assert code == 0, err
    return json.loads(out)


def test_az_ml_workspace_create_as_it_is_written(ws, lazuli):
    created = as_json(lazuli("ml", "workspace", "create", "-w", "new-one", "-g", "aml-resources", main=cli.az_main))
    assert (created["name"], created["resourceGroup"]) == ("new-one", "aml-resources")
    assert set(Workspace.list(ws.subscription_id)) == {"aml-workspace", "new-one"}
    # As in Azure the same again is no error; it answers with what is there.
    code, out, err = lazuli("ml", "workspace", "create", "-w", "new-one", "-g", "aml-resources", main=cli.az_main)
    assert (code, json.loads(out)) == (cli.OK, created) and "already exists" in err


def test_among_several_subscriptions_one_is_meant(ws, lazuli):
    Workspace.create("aml-workspace", subscription_id="second", resource_group="others", show_output=False)
    # The one that has the group.
    created = as_json(lazuli("ml", "workspace", "create", "-w", "new-one", "-g", "others", main=cli.az_main))
    assert created["subscriptionId"] == "second"
    # No one has it: as in Azure's CLI the first, and that is said.
    code, out, err = lazuli("ml", "workspace", "create", "-w", "new-two", "-g", "fresh", main=cli.az_main)
    assert code == 0 and json.loads(out)["subscriptionId"] in err and "account set" in err
    code, _, err = lazuli("workspace", "show", "-w", "aml-workspace")
    assert code == cli.FAILED and "--subscription ID" in err
    # If two subscriptions have the group, the one that has the workspace too is used.
    Workspace.create("third", subscription_id="second", resource_group="aml-resources", show_output=False)
    made = as_json(lazuli("ml", "workspace", "create", "-w", "third", "-g", "aml-resources", main=cli.az_main))
    assert made["subscriptionId"] == "second"
    assert lazuli("account", "set", "-s", "none")[0] == cli.USAGE
    assert lazuli("account", "set", "-s", "second")[0] == cli.OK
    assert as_json(lazuli("workspace", "show", "-w", "aml-workspace", "-o", "json"))["subscriptionId"] == "second"
    listed = as_json(lazuli("account", "list", "-o", "json"))
    assert [item["subscriptionId"] for item in listed if item["isDefault"]] == ["second"]
    assert Workspace.create("new-three", resource_group="fresh", show_output=False).subscription_id == "second"


def test_a_second_workspace_of_the_same_name_and_group_makes_neither_ambiguous(ws, lazuli):
    # Its subscription comes first in the list, but the other workspace is older.
    Workspace.create("aml-workspace", subscription_id="another", resource_group="aml-resources", show_output=False)
    names = "-w", "aml-workspace", "-g", "aml-resources"
    for words in (("workspace", "create"), ("workspace", "show")):
        code, out, err = lazuli("ml", *words, *names, main=cli.az_main)
        assert code == cli.OK and json.loads(out)["subscriptionId"] == ws.subscription_id
        assert f"Using the subscription {ws.subscription_id}" in err
    # Nothing is deleted because it is older.
    code, _, err = lazuli("workspace", "delete", *names, "--yes")
    assert code == cli.FAILED and "More than one workspace" in err
    assert lazuli("workspace", "delete", *names, "--subscription", "another", "--yes")[0] == cli.OK


def test_workspace_commands(ws, lazuli):
    assert lazuli("workspace", "list", "-o", "tsv")[1] == "aml-workspace\taml-resources\teastus\tsdk-tests\n"
    where = ("-w", "aml-workspace", "-g", "aml-resources")
    assert as_json(lazuli("workspace", "update", *where, "--tags", "a=b", "-o", "json"))["tags"] == {"a": "b"}
    assert as_json(lazuli("workspace", "show", *where, "-o", "json"))["name"] == "aml-workspace"
    code, _, err = lazuli("workspace", "delete", *where)
    assert code == cli.USAGE and "--yes" in err
    assert lazuli("workspace", "delete", *where, "--yes")[0] == cli.OK
    code, _, err = lazuli("workspace", "show", *where)
    assert code == cli.NOT_FOUND and err.startswith("ERROR: WorkspaceNotFound")


def test_a_workspace_is_deleted_permanently(ws, lazuli):
    where = ("-w", "aml-workspace", "-g", "aml-resources")
    assert lazuli("workspace", "delete", *where, "--permanently-delete", "--yes")[0] == cli.OK
    code, _, err = lazuli("workspace", "create", *where)
    assert code == cli.FAILED and "is being deleted permanently" in err


def test_a_deleted_workspace_comes_back_or_is_freed(ws, lazuli):
    where = ("-w", "aml-workspace", "-g", "aml-resources")
    assert lazuli("workspace", "restore", *where)[0] == cli.NOT_FOUND
    lazuli("workspace", "delete", *where, "--yes")
    assert [row["name"] for row in as_json(lazuli("workspace", "list", "--deleted", "-o", "json"))] == [ws.name]
    assert as_json(lazuli("workspace", "restore", *where, "-o", "json"))["name"] == ws.name
    assert as_json(lazuli("workspace", "list", "--deleted", "-o", "json")) == []
    lazuli("workspace", "delete", *where, "--yes")
    assert lazuli("workspace", "delete", *where, "--permanently-delete")[0] == cli.USAGE
    code, _, err = lazuli("workspace", "delete", *where, "--permanently-delete", "--yes")
    assert code == cli.OK and "trash purges" in err


@pytest.mark.django_db(transaction=True)
def test_trash_commands(ws, lazuli, monkeypatch):
    from lazuli import trash

    from trash import purge

    # The worker has its turn while the command waits.
    monkeypatch.setattr(trash.time, "sleep", lambda seconds: purge.run_turn())
    runs = [Experiment(ws, "iris").start_logging() for _ in range(3)]
    for run in runs:
        run.complete()
    ids = [run.id for run in runs]
    for run_id in ids:
        ws._client.request("DELETE", f"{ws._history}/runs/{run_id}")
    listed = as_json(lazuli("trash", "list", "-o", "json"))
    assert {(row["kind"], row["name"], row["experiment"]) for row in listed} == {("run", i, "iris") for i in ids}
    assert as_json(lazuli("trash", "restore", "-r", ids[0], "-o", "json")) == {"restored": 1}
    assert lazuli("trash", "purge", "-r", ids[1])[0] == cli.USAGE
    code, out, err = lazuli("trash", "purge", "-r", ids[1], "--yes", "-o", "json")
    done = json.loads(out)
    assert (code, done["state"], done["runsDone"]) == (cli.OK, "Completed", 1)
    assert "0 of 1 runs have been deleted" in err
    ws._client.request("DELETE", f"{ws._history}/experiments/iris")
    assert as_json(lazuli("trash", "purge", "--all", "--yes", "-o", "json"))["runsDone"] == 2
    assert lazuli("trash", "list", "-o", "tsv")[1] == ""
    assert [row["state"] for row in as_json(lazuli("trash", "purges", "-o", "json"))] == ["Completed", "Completed"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("restore",), cli.USAGE, "-r or -e"),
        (("purge", "--yes"), cli.USAGE, "--all"),
        (("purge", "--all", "-e", "x", "--yes"), cli.USAGE, "cannot be combined"),
        (("restore", "-e", "nothing"), cli.FAILED, "The trash has no nothing"),
    ],
)
def test_wrong_trash_commands_say_what_is_wrong(ws, lazuli, words, code, said):
    answer = lazuli("trash", *words)
    assert (answer[0], said in answer[2]) == (code, True), answer


def test_without_a_name_the_only_workspace_is_meant(ws, lazuli):
    assert as_json(lazuli("workspace", "show", "-o", "json"))["name"] == "aml-workspace"
    Workspace.create("another", resource_group="aml-resources", show_output=False)
    code, _, err = lazuli("workspace", "show")
    assert code == cli.USAGE and "-w aml-workspace -g aml-resources, -w another -g aml-resources" in err
    assert lazuli("folder", "attach", "-w", "another", "-g", "aml-resources")[0] == cli.OK
    assert as_json(lazuli("workspace", "show", "-o", "json"))["name"] == "another"


def test_schedules_of_a_compute_instance(ws, lazuli, settings, tmp_path):
    settings.SHARES_DIR = tmp_path
    assert lazuli("computetarget", "create", "computeinstance", "-n", "lab-one", "--stopped")[0] == cli.OK
    words = ("computetarget", "computeinstance", "set-schedules", "-n", "lab-one", "-o", "json")
    zone = ("--time-zone", "Europe/Berlin")
    assert lazuli(*words)[0] == cli.USAGE
    made = as_json(lazuli(*words, "--stop", "0 18 * * 1-5", "--start", "0 8 * * 1-5", *zone))
    assert [(row["action"], row["expression"], row["timeZone"]) for row in made] == [
        ("Start", "0 8 * * 1-5", "Europe/Berlin"),
        ("Stop", "0 18 * * 1-5", "Europe/Berlin"),
    ]
    code, _, err = lazuli(*words, "--stop", "every evening")
    assert code == cli.FAILED and "The cron expression 'every evening' is not valid" in err
    shown = lazuli("computetarget", "computeinstance", "schedules", "-n", "lab-one")[1]
    assert "0 18 * * 1-5" in shown and "Europe/Berlin" in shown
    assert as_json(lazuli(*words, "--none")) == []


def test_a_stopped_compute_instance_is_resized(ws, lazuli, settings, tmp_path):
    settings.SHARES_DIR = tmp_path
    assert lazuli("computetarget", "create", "computeinstance", "-n", "lab-one", "--stopped")[0] == cli.OK
    words = ("computetarget", "computeinstance", "resize", "-n", "lab-one", "-o", "json")
    assert as_json(lazuli(*words, "-s", "STANDARD_DS3_V2"))["vmSize"] == "Standard_DS3_v2"
    code, _, err = lazuli(*words, "-s", "STANDARD_HUGE")
    assert code == cli.FAILED and "STANDARD_HUGE" in err


def test_computetarget_commands(ws, lazuli):
    create = (
        "computetarget",
        "create",
        "amlcompute",
        "-n",
        "cpu-cluster",
        "--max-nodes",
        "2",
        "-s",
        "STANDARD_DS11_V2",
    )
    assert as_json(lazuli(*create, "-o", "json"))["provisioningState"] == "Succeeded"
    assert "cpu-cluster" in lazuli("computetarget", "list")[1]
    update = ("computetarget", "update", "amlcompute", "-n", "cpu-cluster")
    assert as_json(lazuli(*update, "--max-nodes", "5", "-o", "json"))["maxNodes"] == 5
    assert lazuli(*update)[0] == cli.USAGE
    assert as_json(lazuli("computetarget", "nodes", "-n", "cpu-cluster", "-o", "json")) == []
    assert lazuli("computetarget", "delete", "-n", "cpu-cluster", "-y")[0] == cli.OK
    assert (
        as_json(lazuli("computetarget", "show", "-n", "cpu-cluster", "-o", "json"))["provisioningState"] == "Deleting"
    )
    code, _, err = lazuli("computetarget", "show", "-n", "missing")
    assert code == cli.NOT_FOUND and "ComputeTargetNotFound" in err


# The metrics are sent by a thread of their own, which has to see what this one has stored.
@pytest.mark.django_db(transaction=True)
def test_run_commands(ws, lazuli, tmp_path):
    run = Experiment(ws, "iris").start_logging(snapshot_directory=None)
    run.log("loss", 0.5)
    run.flush()
    (tmp_path / "note.txt").write_text("hello")
    run.upload_file("outputs/note.txt", str(tmp_path / "note.txt"))
    (tmp_path / "std_log.txt").write_text("epoch 1")
    run.upload_file("user_logs/std_log.txt", str(tmp_path / "std_log.txt"))
    run.complete()
    (listed,) = as_json(lazuli("run", "list", "-e", "iris", "-o", "json"))
    assert (listed["runId"], listed["status"]) == (run.id, "Completed")
    assert as_json(lazuli("run", "list", "--status", "Failed", "-o", "json")) == []
    assert as_json(lazuli("run", "show", "-r", run.id, "-o", "json"))["status"] == "Completed"
    assert as_json(lazuli("run", "metrics", "-r", run.id, "-o", "json")) == {"loss": 0.5}
    assert lazuli("run", "metrics", "-r", run.id, "-o", "tsv")[1] == "loss\t0.5\n"
    assert lazuli("run", "download", "-r", run.id, "-d", "got", "--prefix", "outputs")[0] == cli.OK
    assert (tmp_path / "got" / "outputs" / "note.txt").read_text() == "hello"
    streamed = lazuli("run", "stream", "-r", run.id)[1]
    assert "RunId: " + run.id in streamed and "epoch 1" in streamed
    assert lazuli("run", "show", "-r", "missing")[0] == cli.NOT_FOUND
    assert lazuli("run", "list", "-e", "missing")[0] == cli.NOT_FOUND


def test_what_another_program_reads_is_the_answer_alone(ws, cluster, lazuli, tmp_path, monkeypatch):
    from lazuli.runs import waiting

    monkeypatch.setattr(waiting, "wait_for_run", lambda *given, **more: print("epoch 1"))
    (tmp_path / "train.py").write_text("print('hello')")
    words = ("run", "submit-script", "-e", "iris", "--ct", "cpu-cluster", "-o", "json", "train.py")
    code, out, err = lazuli(*words)
    assert (code, json.loads(out)["experiment"]) == (cli.OK, "iris")
    assert "epoch 1" in err


def test_submit_script_and_cancel(ws, cluster, lazuli, tmp_path):
    (tmp_path / "train.py").write_text("print('hello')")
    submitted = as_json(
        lazuli(
            "run",
            "submit-script",
            "-e",
            "iris",
            "--ct",
            cluster.name,
            "--async",
            "--tag",
            "a=b",
            "-o",
            "json",
            "train.py",
        )
    )
    assert submitted["experiment"] == "iris" and submitted["tags"]["a"] == "b"
    cancelled = as_json(lazuli("run", "cancel", "-r", submitted["runId"], "-o", "json"))
    assert cancelled["status"] in ("Canceled", "CancelRequested")


def test_a_run_configuration_names_the_script_and_its_run_is_registered_by_file(ws, cluster, lazuli, tmp_path):
    RunConfiguration(script="train.py", arguments=["--epochs", "5"]).save(str(tmp_path / "config" / "train.runconfig"))
    (tmp_path / "train.py").write_text("print('hello')")
    words = (
        "run",
        "submit-script",
        "-c",
        "config/train",
        "-e",
        "iris",
        "--ct",
        cluster.name,
        "-t",
        "run.json",
        "--async",
    )
    code, _, err = lazuli(*words)
    assert code == cli.OK, err
    run = Run.get(ws, json.loads((tmp_path / "run.json").read_text())["run_id"])
    assert run.get_details()["runDefinition"]["arguments"] == ["--epochs", "5"]
    run.upload_file("outputs/model.pkl", str(tmp_path / "train.py"))
    register = ("model", "register", "-n", "iris", "--asset-path", "outputs/model.pkl")
    assert lazuli(*register, "-f", "run.json", "-t", "model.json")[0] == cli.OK
    assert json.loads((tmp_path / "model.json").read_text()) == {"modelId": "iris:1"}
    (tmp_path / "other.json").write_text("[]")
    for name, said in (("other.json", "has no run_id"), ("none.json", "No such file")):
        code, _, err = lazuli(*register, "-f", name)
        assert (code, said in err) == (cli.USAGE, True), err


@pytest.mark.parametrize(
    ("words", "packages"),
    [
        ((), list(DEFAULT_PACKAGES)),
        (("-c", "saved"), ["from-saved"]),
        (("-d", "conda.yml"), ["from-conda"]),
        (("--requirements", "requirements.txt"), ["from-requirements"]),
        (("--environment", "mine"), ["from-registry"]),
    ],
)
def test_a_submitted_script_has_the_environment_that_is_named(ws, cluster, lazuli, tmp_path, words, packages):
    saved = RunConfiguration()
    saved.environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["from-saved"])
    saved.history.directories_to_watch = ["curves"]
    saved.save(str(tmp_path), "saved")
    registered = Environment("mine")
    registered.python.conda_dependencies = CondaDependencies.create(pip_packages=["from-registry"])
    registered.register(ws)
    (tmp_path / "train.py").write_text("print('hello')")
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.10, pip: [from-conda]]")
    (tmp_path / "requirements.txt").write_text("from-requirements  # the only one")
    code, out, err = lazuli("run", "submit-script", *words, "--ct", cluster.name, "--async", "-o", "json", "train.py")
    assert code == cli.OK, err
    run = Run.get(ws, json.loads(out)["runId"])
    definition = run.get_details()["runDefinition"]
    assert (definition["target"], definition["script"]) == (cluster.name, "train.py")
    assert definition["history"]["directoriesToWatch"] == (["curves"] if "-c" in words else ["logs"])
    assert list(run.get_environment().python.conda_dependencies.pip_packages) == packages


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("submit-script",), cli.USAGE, "give the script"),
        (("submit-script", "missing.py"), cli.FAILED, "has no script 'missing.py'"),
        (("submit-script", "-c", "none", "train.py"), cli.FAILED, "has no run configuration 'none'"),
        (("submit-script", "-d", "none.yml", "train.py"), cli.FAILED, "'none.yml' does not exist"),
        (("submit-script", "--environment", "none", "train.py"), cli.NOT_FOUND, "no environment 'none'"),
        (("submit-script", "--tag", "x", "train.py"), cli.USAGE, "KEY=VALUE"),
        (("list", "--last", "0"), cli.USAGE, "at least 1"),
        (("list", "-g", "g"), cli.USAGE, "need -w"),
    ],
)
def test_wrong_run_commands_say_what_is_wrong(ws, lazuli, tmp_path, words, code, said):
    (tmp_path / "train.py").write_text("")
    answer = lazuli("run", *words)
    assert (answer[0], said in answer[2]) == (code, True), answer


def test_a_config_json_that_is_not_json_is_named(ws, lazuli, tmp_path):
    (tmp_path / "config.json").write_text("{")
    code, _, err = lazuli("workspace", "show")
    assert code == cli.USAGE and "config.json is not valid JSON" in err


def test_login_with_a_token_and_account(ws, lazuli, monkeypatch, studio):
    import os

    token = os.environ["LAZULI_TOKEN"]
    monkeypatch.delenv("LAZULI_TOKEN")
    code, _, err = lazuli("workspace", "list")
    assert code == cli.FAILED and "Not signed in at http://testserver" in err
    code, _, err = lazuli("login", "--token", "wrong")
    assert code == cli.FAILED and "ERROR: " in err
    assert as_json(lazuli("login", "--token", token, "-o", "json")) == {
        "server": "http://testserver",
        "user": "sdk-owner",
        "signedIn": True,
    }
    monkeypatch.setenv("LAZULI_TOKEN", token)
    assert as_json(lazuli("account", "show", "-o", "json"))["user"] == "sdk-owner (LAZULI_TOKEN)"
    monkeypatch.delenv("LAZULI_TOKEN")
    assert lazuli("workspace", "list", "-o", "tsv")[0] == cli.OK
    assert as_json(lazuli("account", "list", "-o", "json"))[0]["subscriptionId"] == "sdk-tests"


def test_login_with_a_code(ws, lazuli, monkeypatch):
    from lazuli import login

    from accounts.models import DeviceLogin, User

    monkeypatch.delenv("LAZULI_TOKEN")
    owner = User.objects.get(username="sdk-owner")
    # The person confirms the code while the terminal waits.
    monkeypatch.setattr(login.time, "sleep", lambda seconds: DeviceLogin.objects.get().approve(owner))
    code, out, err = lazuli("login", "-o", "json")
    assert code == 0, err
    assert "enter the code" in err and json.loads(out)["signedIn"] is True
    assert lazuli("workspace", "list")[0] == cli.OK


def test_labeling_projects_are_created_listed_and_exported(ws, lazuli, tmp_path):
    (tmp_path / "said.csv").write_text("id,said\n1,good\n2,bad\n")
    store = ws.get_default_datastore()
    store.upload_files([str(tmp_path / "said.csv")], target_path="said", show_progress=False)
    Dataset.Tabular.from_delimited_files((store, "said/said.csv")).register(ws, "reviews")
    words = ("create", "-n", "said", "--data", "reviews:1", "--column", "said", "--labels", "a", "b")
    created = as_json(lazuli("labeling", *words, "-o", "json"))
    assert (created["kind"], created["labels"], created["total"], created["completed"]) == ("Text", ["a", "b"], 2, 0)
    assert as_json(lazuli("labeling", "list", "-o", "json")) == [created]
    assert as_json(lazuli("labeling", "show", "-n", "said", "-o", "json")) == created
    code, _, err = lazuli("labeling", "export", "-n", "said")
    assert code == cli.FAILED and "said has no labeled items yet" in err


def test_datastores_are_attached_filled_and_detached(ws, lazuli, tmp_path, settings):
    settings.DATASTORE_ROOTS = [str(tmp_path)]
    (tmp_path / "shared").mkdir()
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("a.csv", "sub/b.csv"):
        (tmp_path / "in" / name).write_text("x,y\n1,2\n")
    words = ("attach-folder", "-n", "shared", "--folder", str(tmp_path / "shared"), "-o", "json")
    made = as_json(lazuli("datastore", *words))
    assert (made["kind"], made["address"], made["credentials"]) == ("Folder", str(tmp_path / "shared"), "None")
    assert as_json(lazuli("datastore", "test", "-n", "shared", "-o", "json"))["state"] == "answers"
    words = ("upload", "-p", "in", "-u", "data", "-n", "shared", "-o", "json")
    assert as_json(lazuli("datastore", *words))["uploaded"] == 2
    again = as_json(lazuli("datastore", *words))
    assert (again["uploaded"], again["skipped"]) == (0, 2)
    assert as_json(lazuli("datastore", "upload", "-p", "in/a.csv", "-o", "json"))["datastore"] == "workspaceblobstore"
    listed = as_json(lazuli("datastore", "files", "-n", "shared", "-o", "json"))
    assert [file["path"] for file in listed] == ["data/a.csv", "data/sub/b.csv"]
    words = ("download", "-n", "shared", "-d", "copy", "--prefix", "data/sub", "-o", "json")
    assert as_json(lazuli("datastore", *words))["files"] == 1
    assert (tmp_path / "copy/data/sub/b.csv").read_text() == "x,y\n1,2\n"
    assert as_json(lazuli("datastore", "set-default", "-n", "shared", "-o", "json"))["isDefault"]
    assert as_json(lazuli("datastore", "show-default", "-o", "json"))["name"] == "shared"
    assert "Make another one the default first" in lazuli("datastore", "detach", "-n", "shared", "--yes")[2]
    lazuli("datastore", "set-default", "-n", "workspaceblobstore")
    assert lazuli("datastore", "detach", "-n", "shared", "--yes")[0] == cli.OK
    assert lazuli("datastore", "show", "-n", "shared")[0] == cli.NOT_FOUND
    code, _, err = lazuli("datastore", "attach-blob", "-n", "b", "--account-name", "store", "--container-name", "c01")
    assert code == cli.USAGE and "give the value with --secret-file PATH" in err


def test_datasets_are_registered_listed_archived_and_unregistered(ws, lazuli, tmp_path):
    for number in (1, 2):
        (tmp_path / f"{number}.csv").write_text(f"x,y\n{number},2\n")
        assert lazuli("datastore", "upload", "-p", f"{number}.csv", "-u", "in")[0] == cli.OK
    words = ("register", "-n", "both", "-p", "in/*.csv", "--tags", "format=CSV", "-o", "json")
    made = as_json(lazuli("dataset", *words))
    assert (made["version"], made["kind"], made["tags"]) == ("1", "tabular", {"format": "CSV"})
    assert Dataset.get_by_name(ws, "both").to_pandas_dataframe()["x"].tolist() == [1, 2]
    assert (
        as_json(lazuli("dataset", "register", "-n", "both", "-p", "in", "--type", "file", "-o", "json"))["version"]
        == "2"
    )
    assert len(as_json(lazuli("dataset", "versions", "-n", "both", "-o", "json"))) == 2
    assert as_json(lazuli("dataset", "show", "-n", "both", "-v", "1", "-o", "json"))["kind"] == "tabular"
    assert as_json(lazuli("dataset", "download", "-n", "both", "-d", "copy", "-o", "json"))["files"] == 2
    assert (tmp_path / "copy" / "1.csv").read_text() == "x,y\n1,2\n"
    assert as_json(lazuli("dataset", "deprecate", "-n", "both", "-o", "json"))["isArchived"]
    assert as_json(lazuli("dataset", "list", "-o", "json")) == []
    assert [row["name"] for row in as_json(lazuli("dataset", "list", "--archived", "-o", "json"))] == ["both"]
    assert not as_json(lazuli("dataset", "reactivate", "-n", "both", "-o", "json"))["isArchived"]
    assert lazuli("dataset", "unregister", "-n", "both", "-v", "1", "--yes")[0] == cli.OK
    assert [row["version"] for row in as_json(lazuli("dataset", "versions", "-n", "both", "-o", "json"))] == ["2"]
    assert lazuli("dataset", "unregister", "-n", "both", "--yes")[0] == cli.OK
    assert lazuli("dataset", "show", "-n", "both")[0] == cli.NOT_FOUND
    assert "do not match any files" in lazuli("dataset", "register", "-n", "none", "-p", "nothing.csv")[2]
    assert lazuli("dataset", "register", "-n", "none")[0] == cli.USAGE


def test_channels_of_events_and_the_webhook_are_chosen(ws, lazuli):
    chosen = as_json(lazuli("notification", "choose", "-e", "model_alias", "-c", "bell", "webhook", "-o", "json"))
    assert chosen["channels"] == ["bell", "webhook"]
    assert chosen in as_json(lazuli("notification", "events", "-o", "json"))
    assert as_json(lazuli("notification", "choose", "-e", "model_alias", "-o", "json"))["channels"] == []
    hook = as_json(lazuli("notification", "webhook", "--url", "https://ci.example/hook", "-o", "json"))
    assert hook["url"] == "https://ci.example/hook" and len(hook["secret"]) == 48
    assert as_json(lazuli("notification", "webhook", "--delete", "-o", "json"))["url"] == ""
    assert as_json(lazuli("notification", "list", "-o", "json")) == []
    assert "model_alias" in lazuli("notification", "choose", "-e", "model_alia")[2]
