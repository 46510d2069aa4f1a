"""`make bench`: the figures of docs/figures.md, measured on a throw-away studio on this machine.

Each figure has a goal; the table says what was measured and whether it is kept.
"""

import dataclasses
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import httpx
import psutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deploy.test_tools import find_browser  # noqa: E402 - found only from the repository's root
from tests.up.running import Studio  # noqa: E402

RUNS, REPEATS = 1000, 40
SUBMITS, DRAWN = 7, 40
FIRST_LINE = "import time\nprint('first line', time.time(), flush=True)\n"
LOG_TIMES = """
import time
from azureml.core import Run

run = Run.get_context()
time.sleep(8)  # until the browser is there
for step in range({count}):
    run.log("sent", time.time() - {base})
    time.sleep(0.73)  # never in step with the page's polling
time.sleep(4)
"""
# In each frame: which values has the chart got that it had not in the frame before, and how old are they?
WATCH = """
(base) => {
  const seen = new Map();
  const look = (first) => {
    const data = document.querySelector('[data-chart="series"]')?.data;
    for (const value of data ? data[0].y : []) if (!seen.has(value)) seen.set(value, first ? null : Date.now() / 1000 - base - value);
  };
  const frame = () => { look(false); requestAnimationFrame(frame); };
  look(true);
  frame();
  window.drawnAfter = () => [...seen.values()].filter((delay) => delay !== null);
}
"""


@dataclasses.dataclass
class Figure:
    what: str
    goal: float
    unit: str
    measured: float
    how: str

    @property
    def row(self) -> str:
        kept = "yes" if self.measured <= self.goal else "**no**"
        return f"| {self.what} | ≤ {self.goal:g} {self.unit} | {self.measured:.3g} {self.unit} | {kept} | {self.how} |"


def main() -> None:
    load = os.getloadavg()[0]
    # What `make up` installs is not what is measured.
    subprocess.run(["make", ".venv/.synced"], cwd=ROOT, check=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    studio = Studio(folder)
    try:
        figures = measure(studio)
    finally:
        studio.end()
        shutil.rmtree(folder, ignore_errors=True)
    table = "\n".join(["| figure | goal | measured | kept | how |", "|---|---|---|---|---|", *(f.row for f in figures)])
    print("\n" + table)
    (ROOT / "docs" / "figures.md").write_text(page(table, load))


def measure(studio: Studio) -> list[Figure]:
    studio.start()
    studio.end()
    figures = [second_start(studio)]
    time.sleep(20)
    figures.append(idle_memory(studio))
    os.environ["LAZULI_URL"], os.environ["LAZULI_TOKEN"] = studio.url, studio.manage("token", "bench")
    experiment, config = warm_cluster(studio)
    figures.append(submit_to_first_line(experiment, config))
    figures.append(log_to_drawn(studio, experiment, config))
    return figures + pages(studio)


def second_start(studio: Studio) -> Figure:
    begun = time.monotonic()
    with studio.log.open("ab") as log:
        studio.process = subprocess.Popen(
            ["make", "up"], cwd=ROOT, env=studio.env, stdout=log, stderr=log, start_new_session=True
        )
    while True:
        try:
            httpx.get(studio.url, follow_redirects=True)
            break
        except httpx.TransportError:
            time.sleep(0.02)
    return Figure("second `make up` → first page", 6, "s", time.monotonic() - begun, "from the command to a whole page")


def idle_memory(studio: Studio) -> Figure:
    processes = [psutil.Process(studio.process.pid), *studio.family()]
    infos = [process.memory_full_info() for process in processes]
    resident = sum(info.rss for info in infos) / 1024**2
    shared_once = sum(info.pss for info in infos) / 1024**2
    how = f"sum of RSS of {len(processes)} processes; {shared_once:.0f} MB with shared pages counted once (PSS)"
    return Figure("idle memory of the whole studio", 600, "MB", resident, how)


def warm_cluster(studio: Studio):
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
    from azureml.core.compute import AmlCompute, ComputeTarget
    from azureml.core.conda_dependencies import CondaDependencies

    workspace = Workspace.from_config(str(studio.data / "config.json"))
    wanted = AmlCompute.provisioning_configuration(vm_size="Standard_DS3_v2", min_nodes=1, max_nodes=1)
    ComputeTarget.create(workspace, "warm", wanted).wait_for_completion(show_output=False)
    environment = Environment("bench")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-core"])

    def config(script: str):
        folder = pathlib.Path(tempfile.mkdtemp(dir=studio.data.parent))
        (folder / "script.py").write_text(script)
        return ScriptRunConfig(str(folder), script="script.py", compute_target="warm", environment=environment)

    return Experiment(workspace, "bench"), config


def submit_to_first_line(experiment, config) -> Figure:
    experiment.submit(config(FIRST_LINE)).wait_for_completion(show_output=False)  # builds the environment
    waits = []
    for number in range(SUBMITS):
        script = config(FIRST_LINE + f"# {number}: code that was never sent before\n")
        begun = time.time()
        run = experiment.submit(script)
        run.wait_for_completion(show_output=False)
        log = next(name for name in run.get_file_names() if name.startswith("user_logs/"))
        target = pathlib.Path(tempfile.mkdtemp()) / "log.txt"
        run.download_file(log, str(target))
        waits.append(float(re.search(r"first line (\S+)", target.read_text())[1]) - begun)
        time.sleep(1)
    how = f"median of {SUBMITS}, slowest {max(waits):.2f} s; warm node, cached environment, new code each time"
    return Figure("submit → first line of the script", 0.5, "s", statistics.median(waits), how)


def log_to_drawn(studio: Studio, experiment, config) -> Figure:
    from playwright.sync_api import sync_playwright

    base = int(time.time())  # charts show six digits
    run = experiment.submit(config(LOG_TIMES.format(count=DRAWN, base=base)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(studio.manage("signin"))
        tab.goto(f"{studio.url}/ws/aml-workspace/runs/{run.id}/metrics/")
        tab.wait_for_selector('[data-chart="series"] .main-svg', timeout=60_000)
        tab.evaluate(WATCH, base)
        run.wait_for_completion(show_output=False)
        tab.wait_for_timeout(2000)
        delays = tab.evaluate("drawnAfter()")
        browser.close()
    p95 = statistics.quantiles(delays, n=20)[-1]
    how = f"95th percentile of {len(delays)} points, median {statistics.median(delays):.2f} s; Chromium, page polled each second"
    return Figure("`run.log` → point drawn in the browser", 2.5, "s", p95, how)


def pages(studio: Studio) -> list[Figure]:
    command = [sys.executable, "bench/history.py", str(RUNS)]
    addresses = json.loads(subprocess.run(command, cwd=ROOT, env=studio.env, stdout=subprocess.PIPE, check=True).stdout)
    figures = []
    with httpx.Client(base_url=studio.url, follow_redirects=True) as browser:
        browser.get(studio.manage("signin"))
        for what, address in addresses.items():
            goal = 8 if what.startswith("poll") else 60
            times = sorted(timed(browser, address) for _ in range(REPEATS))
            how = f"median of {REPEATS}, slowest {times[-1]:.0f} ms; {RUNS} runs"
            figures.append(
                Figure(what + (" with nothing new" if goal == 8 else ""), goal, "ms", times[REPEATS // 2], how)
            )
    return figures


def timed(browser: httpx.Client, address: str) -> float:
    begun = time.perf_counter()
    response = browser.get(address)
    passed = (time.perf_counter() - begun) * 1000
    response.raise_for_status()
    return passed


def page(table: str, load: float) -> str:
    memory = psutil.virtual_memory().total / 1024**3
    machine = f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}, load {load:.1f} before the start"
    return (
        "# Figures\n\nMeasured by `make bench`, which rewrites this page, on a throw-away studio with SQLite and the "
        f"private Redis. Machine: {machine}. Pages and polls are timed by a client on the same machine, network and "
        f"client included.\n\n{table}\n"
    )


if __name__ == "__main__":
    main()
