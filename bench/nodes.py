"""`make bench-compute`: the figures of compute, on a throw-away studio; rewrites docs/compute_speed.md.

The machine has 64 cores on paper, so that many nodes fit; what they share are its real ones. `ARGS="cold queue"` measures
parts and prints them, without writing the page: agent, gateway, cold, environment, queue, nodes, gang, join, instance.
"""

import concurrent.futures
import datetime as dt
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import httpx
import psutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import gateway as bench_gateway  # noqa: E402 - found beside this file

from tests.up.running import Studio, command_of  # noqa: E402 - found only from the repository's root

MB = 1024**2
COLD, JOBS, SLOTS, NODES, NODE_SECONDS, SAMPLES = 5, 1000, 8, 50, 30, 20
FIRST_LINE = "import time\nprint('first line', time.time(), flush=True)\n"
# One file for each start, so that a job that ran twice has two lines.
ONE_SECOND = """
import os, sys, time
with open(os.path.join(sys.argv[1], os.environ["AZUREML_RUN_ID"]), "a") as file:
    file.write("started\\n")
time.sleep(1)
"""
HOLD = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""
GANG = """
import os, sys, time
print("first line", time.time(), flush=True)
if os.environ["RANK"] == "1":
    time.sleep(2)
    print("dies", time.time(), flush=True)
    sys.exit(3)
time.sleep(120)
"""
PACKAGES = {
    "name": "bench",
    "python": {
        "condaDependencies": {"dependencies": ["python", {"pip": ["scikit-learn", "pandas", "azureml-defaults"]}]}
    },
}
WORK_TIMES = """
import json
from compute.models import Work
rows = Work.objects.filter(target__name={name!r}).values_list("state", "attempt", "claimed_at")
print(json.dumps([[state, attempt, claimed.timestamp() if claimed else 0.0] for state, attempt, claimed in rows]))
"""
# A kernel of the instance runs a cell, from a page of its own host name, by the binary form of Jupyter's messages.
RUN_CELL = """
async () => {
  const xsrf = document.cookie.split("; ").find((each) => each.startsWith("_xsrf="))?.slice(6) ?? "";
  const made = await fetch("/api/kernels", { method: "POST", headers: { "X-XSRFToken": xsrf }, body: '{"name": "python3"}' });
  const kernel = await made.json();
  const address = `${location.origin.replace("http", "ws")}/api/kernels/${kernel.id}/channels?session_id=bench`;
  const socket = new WebSocket(address, "v1.kernel.websocket.jupyter.org");
  socket.binaryType = "arraybuffer";
  const header = { msg_id: "bench", username: "", session: "bench", msg_type: "execute_request", version: "5.3", date: new Date().toISOString() };
  const content = { code: "6 * 7", silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
  const parts = ["shell", header, {}, {}, content].map((each) => new TextEncoder().encode(typeof each === "string" ? each : JSON.stringify(each)));
  const offsets = [8 * (parts.length + 2)];
  for (const part of parts) offsets.push(offsets.at(-1) + part.length);
  const numbers = new BigUint64Array([offsets.length, ...offsets].map(BigInt));
  return new Promise((resolve) => {
    setTimeout(() => resolve("no reply"), 20000);
    socket.onclose = (event) => resolve(`closed ${event.code}`);
    socket.onopen = () => socket.send(new Blob([numbers, ...parts]));
    socket.onmessage = (event) => {
      const text = new TextDecoder().decode(event.data);
      if (text.includes('"execute_reply"')) resolve(/"status": ?"ok"/.test(text) ? "ok" : text);
    };
  });
}
"""


class Bench:
    def __init__(self, folder: pathlib.Path):
        self.studio, self.folder, self.lock = Studio(folder), folder, threading.Lock()
        self.studio.env["PUBLIC_URL"] = self.studio.url

    def start(self) -> None:
        self.studio.start()
        os.environ["LAZULI_URL"], os.environ["LAZULI_TOKEN"] = self.studio.url, self.studio.manage("token", "bench")
        from azureml.core import Environment, Workspace

        self.workspace = Workspace.from_config(str(self.studio.data / "config.json"))
        self.plain = Environment("this-python")
        self.plain.python.user_managed_dependencies = True

    def make_cluster(self, name: str, **limits):
        from azureml.core.compute import AmlCompute, ComputeTarget

        wanted = AmlCompute.provisioning_configuration(vm_size="Standard_DS1_v2", **limits)
        cluster = ComputeTarget.create(self.workspace, name, wanted)
        cluster.wait_for_completion(show_output=False)
        return cluster

    def submit(self, cluster, script: str, *arguments, environment=None, **settings):
        from azureml.core import Experiment, ScriptRunConfig

        folder = self.folder / f"code{abs(hash(script))}"
        # Other threads submit the same code meanwhile.
        with self.lock:
            folder.mkdir(exist_ok=True)
            if not (folder / "script.py").exists():
                (folder / "script.py").write_text(script)
        config = ScriptRunConfig(
            str(folder), script="script.py", arguments=list(arguments), compute_target=cluster,
            environment=environment or self.plain, **settings,
        )  # fmt: skip
        return Experiment(self.workspace, "bench").submit(config)

    def read_log(self, run, words: str, name: str = "user_logs/std_log.txt") -> float:
        target = pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "log.txt"
        run.download_file(name, str(target))
        return float(re.search(rf"{words} (\S+)", target.read_text())[1])

    def used_seconds(self) -> float:
        """Processor time of its processes."""
        return sum(sum(process.cpu_times()[:2]) for process in self.studio.family())

    def shell(self, code: str) -> str:
        return self.studio.manage("shell", "-v", "0", "-c", code)


def wait_until(is_done, seconds: float = 300):
    until = time.monotonic() + seconds
    while not (found := is_done()):
        if time.monotonic() > until:
            sys.exit("What was waited for did not happen.")
        time.sleep(0.05)
    return found


def print_row(*row):
    print(*row, sep=" | ", flush=True)
    return row


def measure_agent(bench: Bench):
    """The host agent at rest, its test of the isolation, and what its samples cost."""
    from lazuli.agent.isolation_check import find_isolation_problem
    from lazuli.agent.meter import SAMPLE_SECONDS, Meter

    time.sleep(15)
    agent = next(process for process in bench.studio.family() if "lazuli.agent.host" in command_of(process))
    info = agent.memory_full_info()
    yield "host agent, idle", 60, info.rss / MB, "MB", f"RSS; {info.pss / MB:.0f} MB with shared pages counted once"
    folder, times = bench.folder / "isolation", []
    for _ in range(5):
        begun = time.perf_counter()
        problem = find_isolation_problem({}, folder)
        times.append(time.perf_counter() - begun)
    said = f"This machine: {problem}" if problem else "no problem found"
    yield "isolation: self-test at the start", 1, statistics.median(times), "s", f"median of 5; {said}"
    children = [subprocess.Popen(["sleep", "300"]) for _ in range(50)]
    meter, roots = Meter(bench.folder), {str(number): [child.pid] for number, child in enumerate(children)}
    meter.measure(roots)
    used = time.process_time()
    for _ in range(SAMPLES):
        meter.measure(roots)
    share = (time.process_time() - used) / SAMPLES / SAMPLE_SECONDS * 100
    for child in children:
        child.kill()
        child.wait()
    everything = len(psutil.pids())
    yield (
        "samples of 50 processes",
        1,
        share,
        "% of a core",
        f"each {SAMPLE_SECONDS:.0f} s; {everything} processes in /proc",
    )


def measure_gateway(bench: Bench):
    """bench/gateway.py, with an application that only echoes."""
    text = subprocess.run(
        [sys.executable, "bench/gateway.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    print(text)
    direct, behind = (
        [
            float(number)
            for number in re.search(rf"{way}, best round: ([\d.]+) ms, 99 of 100 under ([\d.]+)", text).groups()
        ]
        for way in ("direct", "gateway")
    )
    request = [
        float(number) for number in re.search(r"connection: ([\d.]+) ms, 99 of 100 under ([\d.]+)", text).groups()
    ]
    memory = [float(number) for number in re.findall(r": ([\d.]+) MB", text)]
    size = f"{len(bench_gateway.MESSAGE)} bytes and back"
    yield "gateway: added to a web socket, p50", 0.1, behind[0] - direct[0], "ms", f"{size}; {direct[0]} ms without it"
    yield "gateway: added to a web socket, p99", 1, max(0.0, behind[1] - direct[1]), "ms", f"{direct[1]} ms without it"
    yield (
        "gateway: request of 1 KB on a new connection, p50",
        0.5,
        request[0],
        "ms",
        "whole time, not only what is added",
    )
    yield "gateway: the same, p99", 3, request[1], "ms", ""
    yield "gateway: memory, idle", 30, memory[0], "MB", "RSS"
    yield (
        f"gateway: memory with {bench_gateway.SOCKETS} web sockets",
        40,
        memory[1],
        "MB",
        f"RSS; {memory[2]} MB after {bench_gateway.OPENED:,} more",
    )


def measure_cold(bench: Bench):
    """No node runs; the environment is cached."""
    from azureml.core import Environment
    from azureml.core.conda_dependencies import CondaDependencies

    environment = Environment("bench-cold")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-core"])
    cluster, times = bench.make_cluster("cold", min_nodes=0, max_nodes=1, idle_seconds_before_scaledown=120), []
    bench.submit(cluster, FIRST_LINE, environment=environment).wait_for_completion(show_output=False)
    for number in range(COLD):
        bench.shell("from compute.models import Node; [n.leave('bench') for n in Node.objects.present()]")
        wait_until(lambda: not cluster.list_nodes())
        time.sleep(2)
        begun = time.time()
        run = bench.submit(cluster, FIRST_LINE + f"# {number}\n", environment=environment)
        run.wait_for_completion(show_output=False)
        times.append(bench.read_log(run, "first line") - begun)
    cluster.delete()
    more = f"median of {COLD}, slowest {max(times):.2f} s; no node, cached environment, new code each time"
    yield "cold: submit → first line of the script", 3, statistics.median(times), "s", more


def measure_environment(bench: Bench):
    """As a node builds it: with the studio's index, into empty caches, then from the cache."""
    from lazuli.environments.building import prepare_environment

    times = []
    for name in ("LAZULI_ENV_CACHE", "UV_CACHE_DIR"):
        os.environ[name] = str(bench.folder / name.lower())
    for _ in range(6):
        begun = time.monotonic()
        prepare_environment(PACKAGES, index_url=f"{bench.studio.url}/pypi/simple/", log=lambda text: None)
        times.append(time.monotonic() - begun)
    for name in ("LAZULI_ENV_CACHE", "UV_CACHE_DIR"):
        del os.environ[name]
    what = "environment of scikit-learn and pandas"
    yield f"{what}: first build", 15, times[0], "s", "nothing cached; packages come from the index on the internet"
    yield f"{what}: cached", 0.3, statistics.median(times[1:]), "s", f"median of {len(times) - 1}"


def measure_queue(bench: Bench):
    """Eight nodes are held while everything is queued, then let go at once."""
    folder, go = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-jobs-")), pathlib.Path(tempfile.mkdtemp()) / "go"
    cluster = bench.make_cluster("queue", min_nodes=SLOTS, max_nodes=SLOTS)
    held = [bench.submit(cluster, HOLD, str(go)) for _ in range(SLOTS)]
    wait_until(lambda: all(run.get_status() == "Running" for run in held))
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: bench.submit(cluster, ONE_SECOND, str(folder)), range(JOBS)))
    submitted = time.monotonic() - begun
    used, begun = busy_seconds(), time.monotonic()
    go.touch()
    # Counting files costs nothing; a command of the studio would take from its jobs.
    wait_until(lambda: len(os.listdir(folder)) == JOBS, 3600)
    wait_until(lambda: not count_open_work(bench), 60)
    seconds, used = time.monotonic() - begun, busy_seconds() - used
    rows = json.loads(bench.shell(WORK_TIMES.format(name="queue")))
    starts = [len(path.read_text().splitlines()) for path in folder.iterdir()]
    lost = JOBS - sum(run.get_status() == "Completed" for run in runs)
    doubled = sum(number > 1 for number in starts) + sum(row[1] > 1 for row in rows)
    shutil.rmtree(folder)
    cluster.delete()
    ideal = JOBS / SLOTS
    more = f"{seconds:.0f} s for {JOBS} jobs of one second on {SLOTS} nodes, which takes {ideal:.0f} s at best; "
    more += f"{used / JOBS * 1000:.0f} ms of processor each, of the whole machine; queued in {submitted:.0f} s"
    yield "overhead of a queued job", 100, (seconds - ideal) / JOBS * 1000, "ms", more
    slot = (seconds * SLOTS - JOBS) / JOBS * 1000
    yield "the same, as a node sees it between two jobs", 800, slot, "ms", "8 nodes on the cores of this machine"
    yield "jobs lost", 0, lost, "", f"of {JOBS}"
    yield "jobs started twice", 0, doubled, "", f"of {JOBS}"


def count_open_work(bench: Bench) -> int:
    return int(bench.shell("from compute.models import Work; print(Work.objects.exclude(state='done').count())"))


def busy_seconds() -> float:
    times = psutil.cpu_times()
    return times.user + times.system


def measure_nodes(bench: Bench):
    """Fifty idle nodes, and somebody who opens pages."""
    cluster = bench.make_cluster("fifty", min_nodes=NODES, max_nodes=NODES)
    wait_until(lambda: sum(node["nodeState"] == "idle" for node in cluster.list_nodes()) == NODES)
    time.sleep(10)
    workers = [process for process in bench.studio.family() if "lazuli.agent.node" in command_of(process)]
    memory = sum(process.memory_full_info().pss for process in workers) / MB
    pages = ["", "compute/", "compute/fifty/", "compute/fifty/nodes/", "jobs/"]
    times, failed, used = [], 0, bench.used_seconds()
    begun = time.monotonic()
    with httpx.Client(base_url=bench.studio.url, follow_redirects=True, timeout=60) as browser:
        browser.get(bench.studio.manage("signin"))
        while time.monotonic() - begun < NODE_SECONDS:
            for page in pages:
                sent = time.perf_counter()
                failed += browser.get(f"/ws/aml-workspace/{page}").status_code != 200
                times.append((time.perf_counter() - sent) * 1000)
                time.sleep(0.1)
    load = (bench.used_seconds() - used) / (time.monotonic() - begun)
    cluster.delete()
    more = f"{len(times)} pages, median {statistics.median(times):.0f} ms, {failed} failed; the nodes take {memory:.0f} MB (PSS), the whole studio {load:.2f} cores"
    yield f"pages beside {NODES} nodes, p95", 300, statistics.quantiles(times, n=20)[-1], "ms", more


def measure_gang(bench: Bench):
    from azureml.core.runconfig import PyTorchConfiguration

    cluster, times, ends = bench.make_cluster("gang", min_nodes=2, max_nodes=2), [], []
    wait_until(lambda: [node["nodeState"] for node in cluster.list_nodes()] == ["idle", "idle"])
    for _ in range(3):
        two = PyTorchConfiguration("Gloo", process_count=2, node_count=2)
        run = bench.submit(cluster, GANG, distributed_job_config=two)
        run.wait_for_completion(show_output=False, raise_on_error=False)
        ended = dt.datetime.fromisoformat(run.get_details()["endTimeUtc"]).timestamp()
        rows = json.loads(bench.shell(WORK_TIMES.format(name="gang")))
        second = "user_logs/std_log_process_1.txt"
        started = max(bench.read_log(run, "first line"), bench.read_log(run, "first line", second))
        times.append(started - max(row[2] for row in rows))
        ends.append(ended - bench.read_log(run, "dies", second))
    cluster.delete()
    yield (
        "two nodes: claimed → both scripts run",
        2,
        statistics.median(times),
        "s",
        "median of 3; both nodes idle before",
    )
    yield "two nodes: one process dies → the job has failed", 10, max(ends), "s", "slowest of 3"


def measure_join(bench: Bench):
    """An agent of another machine, here on this one; installing it is not part of it."""
    lazuli, times = str(pathlib.Path(sys.executable).with_name("lazuli")), []
    for number in range(3):
        token = re.search(r"lazuli host join \S+ (\S+)", bench.studio.manage("host", f"joined{number}"))[1]
        folder, log = bench.folder / f"joined{number}", bench.folder / "join.log"
        begun = time.monotonic()
        with log.open("w") as file:
            command = [lazuli, "host", "join", bench.studio.url, token, "--folder", str(folder)]
            agent = subprocess.Popen(command, stdout=file, stderr=file)
        wait_until(lambda log=log: "Joined as" in log.read_text())
        times.append(time.monotonic() - begun)
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)
    begun = time.monotonic()
    wrong = [
        lazuli,
        "host",
        "join",
        f"http://127.0.0.1:{bench.studio.port + 1}",
        "join.x",
        "--folder",
        str(bench.folder / "wrong"),
    ]
    said = subprocess.run(wrong, capture_output=True, text=True)
    wrong_seconds = time.monotonic() - begun
    yield (
        "a machine joins",
        15,
        statistics.median(times),
        "s",
        "median of 3; from the command to “Joined”, agent installed",
    )
    what = (said.stdout + said.stderr).strip().splitlines()[-1:] or [""]
    yield "the wrong step of a join is named", 2, wrong_seconds, "s", f"“{what[0][:90]}”"


def measure_instance(bench: Bench):
    """Created twice, so that its environment is built once, and started again; in a real JupyterLab."""
    from azureml.core.compute import ComputeInstance, ComputeTarget
    from playwright.sync_api import sync_playwright

    from deploy.test_tools import find_browser

    wanted = ComputeInstance.provisioning_configuration(vm_size="Standard_DS1_v2")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(bench.studio.manage("signin"))
        for name, what, target in (
            ("first", "with the build of its environment", 20),
            ("second", "environment cached", 10),
        ):
            begun = time.monotonic()
            instance = ComputeTarget.create(bench.workspace, name, wanted)
            seconds = run_cell(bench, tab, name, begun)
            yield f"instance: create → result of a cell, {what}", target, seconds, "s", "a kernel, through the gateway"
        instance.stop(wait_for_completion=True, show_output=False)
        begun = time.monotonic()
        instance.start()
        wait_for_running(bench, tab, "second", begun)
        yield "instance: start → its server answers", 4, time.monotonic() - begun, "s", ""
        tab.goto(f"{bench.studio.url}/ws/aml-workspace/compute/second/instance/open/jupyterlab/")
        tab.wait_for_selector(".jp-Launcher", timeout=60_000)
        yield "instance: start → JupyterLab can be used", 5, time.monotonic() - begun, "s", "its launcher in Chromium"
        browser.close()


def wait_for_running(bench: Bench, tab, name: str, begun: float) -> None:
    path = f"/ws/aml-workspace/compute/{name}/instance/open/jupyter/"
    while tab.request.get(bench.studio.url + path, max_redirects=0).status != 302:
        if time.monotonic() - begun > 600:
            sys.exit(f"The compute instance {name} did not start.")
        time.sleep(0.05)


def run_cell(bench: Bench, tab, name: str, begun: float) -> float:
    wait_for_running(bench, tab, name, begun)
    tab.goto(f"{bench.studio.url}/ws/aml-workspace/compute/{name}/instance/open/jupyter/?path=x", wait_until="commit")
    said = tab.evaluate(RUN_CELL)
    if said != "ok":
        sys.exit(f"The cell failed: {said}")
    return time.monotonic() - begun


PARTS = {
    "agent": measure_agent,
    "gateway": measure_gateway,
    "cold": measure_cold,
    "environment": measure_environment,
    "gang": measure_gang,
    "join": measure_join,
    "instance": measure_instance,
    "nodes": measure_nodes,
    "queue": measure_queue,
}
NOTES = """## Notes

- *Overhead of a queued job* is the time beyond that of the jobs alone, divided by their number. The next row divides by the nodes too: it is what a node does between two jobs, while the
  other seven share the machine's cores with it.
- *First build* downloads about 100 MB; the rest of it is unpacking.
- `make bench` measures a warm node ([Figures](figures.md)), `make bench-serving` requests to services ([Speed of endpoints](serving_speed.md)).

## Not measured here

- Restarts of the web server and of the gateway under open sockets, and rights that are withdrawn: `tests/gateway/test_gateway.py`. A notebook whose page is closed while web server, gateway,
  control worker and Redis are killed: `tests/browser/test_jupyter.py`.
- Idle shutdown in a thousand simulated days: `tests/compute/test_idle.py`. Nodes that cannot reach each other: `tests/sdk/test_gang.py`."""


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        sys.exit(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    load, folder = os.getloadavg()[0], pathlib.Path(tempfile.mkdtemp(prefix="lazuli-compute-"))
    bench = Bench(folder)
    try:
        bench.start()
        rows = [print_row(*row) for part in chosen for row in PARTS[part](bench)]
    finally:
        bench.studio.end()
        shutil.rmtree(folder, ignore_errors=True)
    if not sys.argv[1:]:
        (ROOT / "docs" / "compute_speed.md").write_text(make_page(rows, load))


def make_page(rows: list[tuple], load: float) -> str:
    memory = psutil.virtual_memory().total / 1024**3
    machine = f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}, load {load:.1f} before the start"
    lines = [
        "# Speed of compute",
        "",
        f"Measured by `make bench-compute`, which rewrites this page, on a throw-away studio with SQLite and the private Redis. Machine: {machine}, "
        f"{dt.date.today()}. Studio, nodes, jobs, browser and clients share it; 64 cores are offered to nodes, so that many of them fit.",
        "",
        "| what | target | measured | reached | more |",
        "|---|--:|--:|---|---|",
    ]
    for what, target, measured, unit, more in rows:
        shown = f"{measured:,.0f}" if measured >= 100 or measured == int(measured) else f"{measured:.3g}"
        reached = "yes" if measured <= target else "**no**"
        lines.append(f"| {what} | ≤ {target:,g} {unit} | {shown} {unit} | {reached} | {more} |")
    return "\n".join([*lines, "", NOTES]) + "\n"


if __name__ == "__main__":
    main()
