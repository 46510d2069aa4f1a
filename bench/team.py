"""`make bench-team`: the figures of a team's studio, on PostgreSQL with two web processes; rewrites docs/team_figures.md.

`python deploy/team_servers.py python bench/team.py [--small] --here` measures on the servers of the environment. Pages
and permissions are timed as processor time in the measuring process (bench/search.py), everything else with a clock.
"""

import argparse
import contextlib
import dataclasses
import datetime as dt
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

# This folder has a requests.py, which must not hide the package.
sys.path.append(sys.path.pop(0))

import httpx
import team_database
from servers import MB, ROOT, Ours, new_database

SIGN_INS, CHANGES, ENDS = 40, 20, 3
PASSWORD = "a long password of the bench"


@dataclasses.dataclass
class Size:
    runs: int
    activities: int
    nodes: int
    megabytes: int


FULL = Size(1_000_000, 1_000_000, 10_000, 5_000)
SMALL = Size(20_000, 200_000, 10_000, 300)
NOTES = """## Why

- *Test connection* is the first request of its process that loads the libraries of OpenID Connect, which is part of the figure.
- A row of the activity log takes the last number and digest of its chain under a lock.
- The commands start Python and load the studio, which takes most of their time.

## Not measured here

- The time from an invitation to the first job depends on the person. `tests/browser/test_team.py` goes the whole way, without a mail server.
- Passkeys and webhooks: see `tests/accounts/test_second_factors.py` and `tests/notices/test_notices.py`.
- Open web sockets after a role was removed: see `tests/gateway/test_gateway.py`.
- An upgrade with migrations takes the time of the restart, and what `manage.py upgrade --plan` prints."""


class Studio(Ours):
    # Processor time of the last command.
    command_seconds = 0.0

    @property
    def env(self):
        kept = {"BACKUP_DIR": str(self.folder / "backups"), "BACKUP_PASSPHRASE": PASSWORD, "WEB_WORKERS": "2"}
        return {**super().env, **kept}

    def manage(self, *words: str, **env: str) -> tuple[float, str]:
        """The seconds that a command takes, and what it prints."""
        begun, used = time.monotonic(), processor_of_children()
        command = [self.python, "manage.py", *words]
        answer = subprocess.run(command, cwd=ROOT, env={**self.env, **env}, capture_output=True, text=True)
        self.command_seconds = processor_of_children() - used
        return time.monotonic() - begun, answer.stdout + answer.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="20,000 jobs, 200,000 rows of the activity log, 300 MB")
    parser.add_argument("--here", action="store_true", help="on the servers of DATABASE_URL and REDIS_URL")
    args = parser.parse_args()
    if not args.here:
        command = [sys.executable, str(ROOT / "deploy" / "team_servers.py"), sys.executable, __file__, "--here"]
        sys.exit(subprocess.run([*command, *(["--small"] if args.small else [])]).returncode)
    size, load = SMALL if args.small else FULL, os.getloadavg()[0]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lazuli-team-"))
    studio = Studio("studio", folder, store=empty_database("team"))
    try:
        rows = list(measure(studio, size))
    finally:
        studio.end()
        shutil.rmtree(folder, ignore_errors=True)
    (ROOT / "docs" / "team_figures.md").write_text(make_page(rows, size, load))


def empty_database(name: str) -> str:
    """Its address in the form that a backup understands, with the folder of the socket as the host."""
    new_database(name)
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


def measure(studio: Studio, size: Size):
    """Rows of the page: what, target, measured, unit, more."""
    studio.start()
    studio.rest()
    memory = studio.memory()
    processes = f"{len(studio.processes())} processes, shared pages counted once; without PostgreSQL and Redis"
    yield print_row("idle memory of the studio", 700, memory, "MB", processes)
    os.environ.update(studio.env, DJANGO_SETTINGS_MODULE="studio.settings")
    import django

    django.setup()
    workspace, owner = team_database.make_team(PASSWORD)
    for row in (
        measure_sign_ins(studio),
        measure_role_changes(studio, workspace),
        measure_bell(workspace, owner),
        measure_budget(workspace),
        measure_doctor(studio),
        measure_plan(studio),
    ):
        yield print_row(*row)
    studio.end()
    for row in team_database.measure_database(size, workspace, owner, f"127.0.0.1:{studio.port}"):
        yield print_row(*row)
    studio.start()
    studio.rest()
    for row in measure_backups(studio):
        yield print_row(*row)


def processor_of_children() -> float:
    return sum(os.times()[2:4])


def print_row(*row):
    print(*row, sep=" | ", flush=True)
    return row


def sign_in(studio: Studio, name: str) -> tuple[httpx.Client, float]:
    client = httpx.Client(base_url=f"http://127.0.0.1:{studio.port}", timeout=60)
    client.get("/signin/").raise_for_status()
    form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    begun = time.perf_counter()
    answer = client.post("/signin/", data=form)
    seconds = time.perf_counter() - begun
    if answer.status_code != 302:
        sys.exit(f"{name} cannot sign in: {answer.status_code} {answer.text[-2000:]}")
    return client, seconds


def measure_sign_ins(studio: Studio):
    before = studio.cpu()
    times = [sign_in(studio, "anna")[1] * 1000 for _ in range(SIGN_INS)]
    used = (studio.cpu() - before) / SIGN_INS * 1000
    more = (
        f"95th percentile of {SIGN_INS}, median {statistics.median(times):.0f} ms, {used:.0f} ms of processor; argon2id"
    )
    return "sign-in by password", 400, statistics.quantiles(times, n=20)[-1], "ms", more


def measure_role_changes(studio: Studio, workspace):
    """Each request has a connection of its own, so that both web processes answer."""
    from accounts.models import User
    from workspaces.models import Role, RoleAssignment

    client, _ = sign_in(studio, "berta")
    cookies, page, wrong = dict(client.cookies), f"{client.base_url}/ws/{workspace.slug}/", 0
    for _ in range(CHANGES):
        given = RoleAssignment.objects.create(
            user=User.objects.get(username="berta"), role=Role.READER, workspace=workspace
        )
        wrong += sum(httpx.get(page, cookies=cookies).status_code != 200 for _ in range(3))
        given.delete()
        wrong += sum(httpx.get(page, cookies=cookies).status_code != 404 for _ in range(3))
    more = f"of {CHANGES * 6} requests to both processes, directly after a role was given or removed"
    return "requests that do not know of a changed role", 0, wrong, "", more


def measure_bell(workspace, owner):
    """From the end of a job to the row that the bell of its person counts."""
    from notices.models import Notification
    from runs.models import Experiment, Run

    experiment = Experiment.objects.create(workspace=workspace, name="ends", created_by=owner)
    times = []
    for number in range(ENDS):
        run = Run.objects.create(
            workspace=workspace, experiment=experiment, run_id=f"end_{number}", number=number + 1, run_type="mlflow",
            display_name=f"end {number}", status="Running", created_by=owner,
        )  # fmt: skip
        begun = time.monotonic()
        run.set_client_status("Failed")
        wait_until(lambda run=run: Notification.objects.filter(cause__startswith=f"run:{run.pk}:").exists())
        times.append(time.monotonic() - begun)
    return "end of a job → bell", 5, max(times), "s", f"the slowest of {ENDS}, median {statistics.median(times):.1f} s"


def measure_budget(workspace):
    from costs.limit_models import Budget

    found = Budget.set(workspace, 1, "hours", blocks_new_work=True)
    begun = time.monotonic()
    team_database.spend(workspace, dt.datetime.now(dt.UTC), 2)
    wait_until(lambda: Budget.objects.get(pk=found.pk).is_used_up)
    seconds = time.monotonic() - begun
    found.remove()
    return "usage over a budget → new jobs are blocked", 60, seconds, "s", ""


def wait_until(is_done, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > until:
            sys.exit("What was waited for did not happen.")
        time.sleep(0.05)


def measure_doctor(studio: Studio):
    seconds, text = studio.manage("doctor")
    checks = sum(line.split(" ")[0] in ("ok", "warn", "fail") for line in text.splitlines())
    return "`manage.py doctor`", 10, seconds, "s", f"{checks} checks, {studio.command_seconds:.1f} s of processor"


def measure_plan(studio: Studio):
    seconds, _ = studio.manage("upgrade", "--plan")
    more = f"the start of Python included; {studio.command_seconds:.1f} s of processor"
    return "`manage.py upgrade --plan`", 2, seconds, "s", more


def measure_backups(studio: Studio):
    """A backup while a page is asked for again and again, a restore into an empty studio, and a restart."""
    pages = Pages(sign_in(studio, "anna")[0])
    with pages.asking("before"):
        time.sleep(10)
    with pages.asking("during"):
        seconds, text = studio.manage("backup")
    copied = sum(path.stat().st_size for path in (studio.folder / "backups").rglob("*") if path.is_file()) / MB
    if "Complete after" not in text:
        sys.exit(text)
    yield "speed of a backup", -100, copied / seconds, "MB/s", f"{copied:,.0f} MB in {seconds:.1f} s"
    before, during = (statistics.quantiles(pages.times[phase], n=20)[-1] for phase in ("before", "during"))
    more = f"95th percentile {before * 1000:.0f} ms before and {during * 1000:.0f} ms meanwhile"
    yield "a page while a backup runs, against before", 2, during / before, "×", more
    yield "requests that fail while a backup runs", 0, pages.failed, "", f"of {len(pages.times['during'])}"
    begun = time.monotonic()
    studio.end()
    studio.start()
    yield "restart, from its begin to the first page", 5, time.monotonic() - begun, "s", "all processes"
    studio.end()
    empty = {"DATABASE_URL": empty_database("restored"), "DATA_DIR": str(studio.folder / "restored")}
    seconds, text = studio.manage("restore", str(studio.folder / "backups"), **empty)
    if "Restored" not in text:
        sys.exit(text)
    yield "restore of 5 GB", 300, seconds / copied * 5000, "s", f"computed from {copied:,.0f} MB in {seconds:.1f} s"


class Pages:
    """A person who asks for one page again and again."""

    def __init__(self, client: httpx.Client):
        self.client, self.failed, self.times = client, 0, {}

    @contextlib.contextmanager
    def asking(self, phase: str):
        is_over = threading.Event()
        thread = threading.Thread(target=self._ask, args=(self.times.setdefault(phase, []), is_over))
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _ask(self, times: list[float], is_over: threading.Event) -> None:
        while not is_over.wait(0.05):
            begun = time.perf_counter()
            try:
                self.failed += self.client.get("/").status_code >= 400
            except httpx.HTTPError:
                self.failed += 1
            times.append(time.perf_counter() - begun)


def make_page(rows: list[tuple], size: Size, load: float) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    lines = [
        "# Figures of a team's studio",
        "",
        f"Measured by `make bench-team`, which rewrites this page, on PostgreSQL and an external Redis with two web processes: "
        f"{size.runs:,} jobs, {size.activities:,} rows of the activity log, {size.nodes:,} nodes and {size.megabytes:,} MB of "
        f"files. Machine: {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}, "
        f"load {load:.1f} before the start, {dt.date.today()}; servers and clients share it. Rows with “processor” are "
        "processor time of the studio and its database; the others are clock time, which other programs on the machine "
        "lengthen.",
        "",
        "| what | target | measured | reached | more |",
        "|---|--:|--:|---|---|",
    ]
    for what, target, measured, unit, more in rows:
        is_reached = measured >= -target if target < 0 else measured <= target
        words = "yes" if is_reached else "**no**"
        sign, goal = ("≥", -target) if target < 0 else ("≤", target)
        lines.append(f"| {what} | {sign} {goal:,g} {unit} | {format_number(measured)} {unit} | {words} | {more} |")
    return "\n".join([*lines, "", NOTES]) + "\n"


def format_number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.3g}"


if __name__ == "__main__":
    main()
