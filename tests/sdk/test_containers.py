"""Scripts in containers of their environment's image: command lines, and with a real engine where the machine has one."""

import dataclasses
import json
import os
import subprocess
import sys
import time

import pytest
from lazuli import containers
from lazuli.agent import container_engine
from lazuli.containers import Container, Engine, Image
from lazuli.environments import images
from lazuli.environments.cache import BuildFailed
from lazuli.environments.images import ImageProblem, WantedImage
from lazuli.runner.script_container import find_link_targets

from tests.sdk.images import find_python, make_image
from tests.sdk.test_runner import WORKSPACE_PATH, Records, alive, quick, run  # noqa: F401 (quick is a fixture)

FAKE = """#!/bin/sh
echo "$@" >> "$0.calls"
while [ "${1#--}" != "$1" ]; do shift 2; done
case "$1 $2" in
"version "*) echo 5.0 ;;
"ps "*) test -f "$0.list" && cat "$0.list" ;;
"image inspect") test -f "$0.image" && cat "$0.image" || exit 1 ;;
"pull "*|"build "*)
    env > "$0.variables"
    for word; do test -f "$word" && cp "$word" "$0.$(basename "$word")"; done
    test -f "$0.fails" && { echo "Error: registry is not reachable" >&2; exit 125; }
    echo '[{"Id": "abc", "Digest": "sha256:d", "Config": {"Env": ["PATH=/opt/bin", "A=b=c"]}}]' > "$0.image" ;;
esac
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """An engine that notes how it is called."""
    monkeypatch.setenv("LAZULI_WORK_DIR", str(tmp_path))
    program = tmp_path / "podman"
    program.write_text(FAKE)
    program.chmod(0o755)
    return Engine(str(program), "podman 5.0", ["--runtime", "runc"], variables={"PATH": os.environ["PATH"]})


def calls(engine):
    with open(f"{engine.program}.calls") as file:
        return file.read().splitlines()


def never():
    return False


BUILD_LOG = "azureml-logs/20_image_build_log.txt"
IMAGE = Image("abc", "python:3.11", "sha256:d", {"PATH": "/opt/bin"})


def test_a_container_gets_what_is_given_to_it_and_no_token_is_on_a_command_line(tmp_path, fake):
    given = Container(fake, IMAGE, "name", "/work/1", ["/data"], [str(tmp_path)], {"/tmp": "/t"}, 1.5, "2g", ["GPU-1"])
    variables = {"TOKEN": "it's secret\nof two lines", "odd-name": "x"}
    words = given.build_run(["python", "train.py", "a b"], str(tmp_path), variables, str(tmp_path), "MARK=1")
    text = " ".join(words)
    assert words[:4] == [fake.program, "--runtime", "runc", "run"] and "secret" not in text
    for part in (
        "--rm --name name --label lazuli.work=/work/1 --pull never --log-driver none",
        "--network host --read-only --cap-drop ALL",
        "--security-opt no-new-privileges",
        "--device nvidia.com/gpu=GPU-1",
        "--shm-size 2g",
        "type=bind,source=/data,target=/data,readonly",
        f"type=bind,source={tmp_path},target={tmp_path}",
        "type=bind,source=/t,target=/tmp",
        f"--env MARK=1 --entrypoint /bin/sh --workdir {tmp_path} abc {tmp_path}/start.sh",
    ):
        assert part in text, (part, text)
    # Only an engine that can has limits of its own.
    assert "--memory" not in text
    limited = dataclasses.replace(given, engine=dataclasses.replace(fake, name="docker 27", has_limits=True))
    text = " ".join(limited.build_run("x", "/", {}, str(tmp_path)))
    assert "--memory 1536m" in text and '--gpus "device=GPU-1"' in text
    assert os.stat(tmp_path / "start.sh").st_mode & 0o777 == 0o600


def test_the_start_of_a_container_sets_variables_passes_signals_on_and_ends_as_the_command(tmp_path):
    path = tmp_path / "start.sh"
    code = "import os, sys; print(sys.argv[1:], os.environ['A'], os.environ['odd-name']); sys.exit(7)"
    path.write_text(containers.build_start([sys.executable, "-c", code, "$x"], {"A": "it's\n2", "odd-name": "y"}))
    done = subprocess.run(["/bin/sh", path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (7, "['$x'] it's\n2 y\n") and not path.exists()
    path.write_text(containers.build_start("echo one && exit 3", {}))
    done = subprocess.run(["/bin/sh", path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "one\n")
    path.write_text(containers.build_start(["cat"], {}, has_input=True))
    assert subprocess.run(["/bin/sh", path], input=b"through", capture_output=True).stdout == b"through"


@pytest.mark.parametrize(
    ("docker", "use_docker", "found"),
    [
        ({}, True, None),
        ({"baseImage": f"{images.DEFAULT_IMAGE}:20251130.v1"}, False, None),
        ({"baseImage": f"{images.DEFAULT_IMAGE}:1"}, True, WantedImage(f"{images.DEFAULT_IMAGE}:1")),
        ({"baseImage": "python:3.11"}, False, WantedImage("python:3.11")),
        (
            {
                "baseImage": "x/y",
                "baseImageRegistry": {"address": "https://r.example/", "username": "u", "password": "p"},
            },
            False,
            WantedImage("x/y", "", "r.example", "u", "p"),
        ),
        ({"baseDockerfile": "FROM x"}, False, WantedImage("", "FROM x")),
    ],
)
def test_the_image_that_an_environment_asks_for(docker, use_docker, found):
    assert images.read_wanted_image({"docker": docker}, use_docker) == found


def test_names_are_completed_as_docker_does():
    names = {"python:3.11": "docker.io/library/python:3.11", "a/b": "docker.io/a/b", "r.io:5/a": "r.io:5/a"}
    assert {name: images.qualify_name(name) for name in names} == names


def test_an_image_is_pulled_once_with_the_login_of_its_registry(fake, monkeypatch):
    monkeypatch.setenv("FEED_PASSWORD", "of-the-machine")
    wanted, lines = WantedImage("team/x:1", "", "r.example:5000", "me", "${FEED_PASSWORD}"), []
    for _ in range(2):
        found = images.get_image(fake, wanted, lines.append, never)
    assert found == Image("abc", "r.example:5000/team/x:1", "sha256:d", {"PATH": "/opt/bin", "A": "b=c"})
    pulls = [call for call in calls(fake) if " pull " in call]
    assert len(pulls) == 1 and pulls[0].endswith("r.example:5000/team/x:1") and "of-the-machine" not in str(calls(fake))
    with open(f"{fake.program}.config.json") as file:
        assert json.load(file) == {"auths": {"r.example:5000": {"auth": "bWU6b2YtdGhlLW1hY2hpbmU="}}}
    with open(f"{fake.program}.variables") as file:
        assert "FEED_PASSWORD" not in file.read()
    assert "pulls it" in lines[0] and not [name for name in os.listdir(os.environ["LAZULI_WORK_DIR"]) if "tmp" in name]


def test_what_cannot_be_pulled_or_built_says_why(fake):
    open(f"{fake.program}.fails", "w").close()
    with pytest.raises(ImageProblem, match="it could not be pulled: Error: registry is not reachable"):
        images.get_image(fake, WantedImage("python:3.11"), print, never)
    with pytest.raises(BuildFailed, match="its Dockerfile could not be built: Error: registry"):
        images.get_image(fake, WantedImage(dockerfile="FROM x"), print, never)
    for name in ("--privileged", "docker-archive:/srv/x.tar", "dir:/etc", "a b", "x:1:2"):
        with pytest.raises(ImageProblem, match="is not the name of an image"):
            images.get_image(fake, WantedImage(name), print, never)


def test_an_image_is_built_once_for_the_text_of_its_dockerfile(fake):
    for _ in range(2):
        images.get_image(fake, WantedImage(dockerfile="FROM x\nRUN y"), print, never)
    (call,) = [call for call in calls(fake) if " build " in call]
    assert "--tag localhost/lazuli-environment:" in call
    with open(f"{fake.program}.Dockerfile") as file:
        assert file.read() == "FROM x\nRUN y"


def test_an_engine_that_starts_no_container_is_none(fake, tmp_path):
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NODE_CONTAINER_ENGINE": "podman"}
    assert container_engine.find_engine(environ)[1].startswith("podman: ")
    assert (
        container_engine.find_engine({**environ, "NODE_CONTAINER_ENGINE": "none"})[1] == "NODE_CONTAINER_ENGINE is none"
    )
    missing = container_engine.find_engine({"PATH": "/nowhere"})
    assert missing == (None, "podman: not installed; docker: not installed")
    with pytest.raises(container_engine.WrongEngine, match="auto, podman, docker or none"):
        container_engine.find_engine({"NODE_CONTAINER_ENGINE": "lxc"})


def test_an_agent_reports_its_engine_and_removes_the_containers_of_killed_runners(fake, tmp_path, monkeypatch):
    search = container_engine.EngineSearch(tmp_path)
    monkeypatch.setenv("NODE_CONTAINER_ENGINE", "none")
    search.start()
    assert len(search.pids) == 1 and search.describe() == {"containerEngine": "", "containerProblem": ""}
    deadline = time.monotonic() + 30
    while search.pids and time.monotonic() < deadline:
        found = search.describe()
        time.sleep(0.05)
    assert found == {"containerEngine": "", "containerProblem": "NODE_CONTAINER_ENGINE is none"}
    assert container_engine.read_found(tmp_path) == ""
    work = tmp_path / "nodes" / "n" / "w"
    container_engine.remove_containers_of(tmp_path, work)
    (tmp_path / "nodes" / container_engine.FILE).write_text(fake.to_variable())
    (tmp_path / "podman.list").write_text(f"one {work}\ntwo {tmp_path}/nodes/n/gone\nthree /other/nodes/n/gone\n")
    container_engine.remove_containers_of(tmp_path, work)
    work.mkdir(parents=True)
    container_engine.remove_abandoned(fake, str(tmp_path / "nodes"))
    removals = [call.split("rm ")[1] for call in calls(fake) if " rm " in call]
    assert removals == ["--force --ignore --time 0 one", "--force --ignore --time 0 two"]


def test_a_machine_without_an_engine_runs_the_script_itself_and_says_so_once(fake, monkeypatch):
    environment = {"name": "e", "docker": {"baseImage": "python:3.11"}, "python": {"userManagedDependencies": True}}
    said = (
        "The image python:3.11 is not used: this machine has no container engine. The script runs as a process of the"
    )
    done = run("print('ran')", environment=environment, container={"is_warned": False})
    (warning,) = [event["warning"]["message"] for event in done.events if "warning" in event]
    assert warning.startswith(said) and done.log.startswith(f"WARNING: {said}") and done.log.endswith("ran\n")
    monkeypatch.setenv(containers.VARIABLE, fake.to_variable())
    done = run("print('ran')", environment=environment, container={"is_warned": True})
    assert done.log == "ran\n" and not [event for event in done.events if "warning" in event]


def test_a_container_gets_the_folders_to_which_its_inputs_have_links(tmp_path):
    for name in ("a/b", "a/c", "linked/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a" / "file").touch()
    (tmp_path / "linked" / "deep" / "x").symlink_to(tmp_path / "a" / "b")
    assert find_link_targets(str(tmp_path / "linked")) == [str(tmp_path / "a" / "b")]
    (tmp_path / "linked" / "y").symlink_to(tmp_path / "a" / "file")
    assert find_link_targets(str(tmp_path / "linked")) == [str(tmp_path / "a")]
    many = [tmp_path / "many" / str(number) for number in range(120)]
    for folder in many:
        folder.mkdir(parents=True)
        (tmp_path / "linked" / folder.name).symlink_to(folder)
    assert find_link_targets(str(tmp_path / "linked")) == [str(tmp_path)]
    assert find_link_targets(str(tmp_path / "many")) == []


# ---- with a real engine


@pytest.fixture(scope="module")
def engine():
    found, problem = container_engine.find_engine({**os.environ, "NODE_CONTAINER_ENGINE": "auto"})
    if found is None:
        pytest.skip(f"no container engine works here: {problem} (Debian: apt-get install podman runc)")
    if find_python() is None:
        pytest.skip("the image of these tests is made of /usr/bin/python3, which is missing")
    return found


@pytest.fixture(scope="module")
def image(engine, tmp_path_factory):
    return make_image(engine, tmp_path_factory.mktemp("image"))


@pytest.fixture
def in_image(engine, image, monkeypatch, tmp_path_factory):
    """Run a script in a container of the image."""
    monkeypatch.setenv(containers.VARIABLE, engine.to_variable())
    monkeypatch.setenv(
        "LAZULI_ENV_CACHE", os.environ.get("LAZULI_TEST_CACHE") or str(tmp_path_factory.getbasetemp() / "cache")
    )
    docker = {"baseImage": image}

    def run_in_image(script, during=None, environment=None, **fields):
        environment = {
            "name": "e",
            "docker": docker,
            "python": {"userManagedDependencies": True},
            **(environment or {}),
        }
        return run(script, during, environment=environment, container={"shm_size": "64m"}, memory_gb=1.0, **fields)

    yield run_in_image
    assert engine.list_containers() == {}


SEEN = """
import azureml.core, os, sys
print(os.environ["OF_IMAGE"], os.environ["MINE"], os.path.exists("/work"), sys.prefix, flush=True)
open("outputs/model.pkl", "w").write("m")
open("/tmp/scratch", "w").write("t")
for path in {paths}:
    print(path, os.path.exists(path))
try:
    open("/usr/x", "w")
except OSError as error:
    print(error.strerror)
print(sum(open(f"/proc/{{pid}}/cmdline").read().count("token") for pid in os.listdir("/proc") if pid.isdigit()))
sys.exit(3)
"""


@pytest.mark.extended
def test_a_script_runs_in_its_image_and_sees_nothing_of_the_machine(in_image, tmp_path, monkeypatch):
    # That of a test's object store is a word of the paths here, which would be masked in the log.
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    secret = tmp_path / "secret_key"
    secret.write_text("the studio's")
    paths = [str(secret), os.path.expanduser("~/.ssh"), os.getcwd()]
    done = in_image(SEEN.format(paths=paths), environment_variables={"MINE": "it's\nmine"})
    lines = done.log.splitlines()
    assert "The script runs in a container of localhost/lazuli-example:1 (sha256:" in lines[0]
    assert lines[1:3] == ["yes it's", "mine False /usr"]
    assert lines[3:] == [*(f"{path} False" for path in paths), "Read-only file system", "0"]
    assert done.artifacts["outputs/model.pkl"] == b"m"
    assert (done.states[-1], done.error["message"][:35]) == ("Failed", "The script ended with exit code 3. "[:35])
    (facts,) = [event["container"] for event in done.events if "container" in event]
    assert facts["image"] == "localhost/lazuli-example:1" and facts["digest"].startswith("sha256:")
    # Its files belong to the account of the node, so that the folder could be removed.
    assert [name for name in os.listdir(tmp_path) if name.startswith("run_1")] == []


@pytest.mark.extended
def test_signals_time_limits_and_missing_programs_are_those_of_the_script(in_image):
    killed = in_image("import os; os.kill(os.getpid(), 9)")
    assert "was ended by the signal SIGKILL" in killed.error["message"]
    assert "command was not found" in in_image("", argv=["no-such-program"]).error["message"]

    def cancel(records):
        while "begun" not in records.log:
            time.sleep(0.05)
        records.cancel = True

    stopped = in_image(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('stopping', flush=True), sys.exit(0)))\n"
        "print('begun', flush=True); time.sleep(60)\n",
        cancel,
        grace_seconds=20.0,
    )
    assert stopped.states[-1] == "Canceled" and "stopping" in stopped.log
    started = time.monotonic()
    stubborn = in_image(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", timeout_seconds=1
    )
    assert stubborn.error["code"] == "TimedOut" and time.monotonic() - started < 30
    large = in_image("x = bytearray(1_600_000_000); import time; time.sleep(20)")
    assert large.error["code"] == "OutOfMemory" and "1.0 GB" in large.error["message"]
    outside = in_image("open('/usr/x', 'w')")
    assert "In a container, a script writes only to its own folder" in outside.error["message"]


@pytest.mark.extended
def test_an_environment_is_built_with_the_python_of_the_image(in_image):
    packages = {"dependencies": ["python=3.8", {"pip": ["tabulate"]}]}
    script = "import azureml.core, sys, tabulate; print(sys.base_prefix, sys.prefix != sys.base_prefix)"
    environment = {"python": {"condaDependencies": packages}}
    done = in_image(script, environment=environment)
    assert done.log.endswith("/usr True\n"), done.log
    warnings = [event["warning"]["message"] for event in done.events if "warning" in event]
    assert any("is not installed in the image localhost/lazuli-example:1" in text for text in warnings)
    # Without packages it is the image's own, as in v2.
    plain = in_image(
        "import sys; print(sys.prefix)", environment={"python": {"condaDependencies": {"dependencies": []}}}
    )
    assert plain.log.endswith("/usr\n")


@pytest.mark.extended
def test_a_dockerfile_is_built_and_used(engine, in_image, image, tmp_path):
    number = time.time()
    text = f"FROM {image}\nENV MADE={number}\nRUN echo inside > /made.txt\n"
    done = in_image(
        "import os; print(os.environ['MADE'], open('/made.txt').read())",
        environment={"docker": {"baseDockerfile": text}},
    )
    assert done.log.endswith(f"{number} inside\n\n"), (done.log, done.artifacts)
    failed = in_image("", environment={"docker": {"baseDockerfile": f"FROM {image}\nRUN exit 5\n"}})
    assert "The environment could not be built: its Dockerfile could not be built" in failed.error["message"]
    assert "RUN exit 5" in failed.artifacts[BUILD_LOG].decode()


@pytest.mark.extended
def test_the_build_of_a_dockerfile_is_canceled_with_all_that_it_started(engine, in_image, image):
    def cancel(records):
        while not find_sleeping("611"):
            time.sleep(0.05)
        records.cancel = True

    text = f"FROM {image}\nRUN echo {time.time()}; sleep 611\n"
    done = in_image("", cancel, environment={"docker": {"baseDockerfile": text}})
    assert done.states[-1] == "Canceled" and not find_sleeping("611")


@pytest.mark.extended
def test_several_processes_run_in_one_container(in_image):
    distribution = {"kind": "mpi", "processes_per_node": 2}
    script = "import os; print(os.environ['OF_IMAGE'], os.environ['OMPI_COMM_WORLD_RANK'], flush=True)"
    done = in_image(script, distribution=distribution, server_url="http://127.0.0.1:9")
    assert {"yes 0", "[rank 1] yes 1"} <= set(done.log.splitlines()), done.log


@pytest.mark.extended
def test_a_killed_runner_leaves_no_container(engine, image, tmp_path, monkeypatch):
    code = (
        "import json, sys, httpx; sys.path.insert(0, '.')\n"
        "from lazuli.runner import supervisor; from lazuli.runner.spec import Spec\n"
        "from tests.sdk.test_runner import Records\n"
        "spec = Spec.from_dict(json.loads(sys.argv[1]), 'token')\n"
        "supervisor.supervise_run(spec, httpx.MockTransport(Records({'train.py': sys.argv[2]})))\n"
    )
    spec = {
        "run_id": "run_1", "experiment": "e", "workspace": WORKSPACE_PATH, "server_url": "http://studio",
        "snapshot_id": "s", "argv": ["sh", "-c", ": > begun; sleep 600"], "container": {"shm_size": ""},
        "environment": {"name": "e", "docker": {"baseImage": image}, "python": {"userManagedDependencies": True}},
    }  # fmt: skip
    variables = {**os.environ, containers.VARIABLE: engine.to_variable(), "LAZULI_WORK_DIR": str(tmp_path)}
    variables["LAZULI_ENV_CACHE"] = str(tmp_path / "cache")
    runner = subprocess.Popen([sys.executable, "-c", code, json.dumps(spec), ""], env=variables)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("run_1-*/code/begun")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert str(tmp_path) in engine.list_containers().values()
    runner.kill()
    runner.wait()
    while str(tmp_path) in engine.list_containers().values() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert str(tmp_path) not in engine.list_containers().values()
    assert not find_sleeping("600")


def find_sleeping(seconds):
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and read_command(pid) == f"sleep\0{seconds}\0"]


def read_command(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""
