"""Where the time of one tracking request goes: the application called in this process, without a server and a network.

`python bench/request_profile.py` makes a throw-away studio in a temporary folder, prints for each request its processor time and
its statements, and with `--profile NAME` the functions that take most of that one. Processor time, not seconds on the
clock, so that a busy machine changes little.
"""

import argparse
import cProfile
import gzip
import io
import json
import os
import pathlib
import pstats
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
RUNS, ROUNDS = 200, 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", metavar="NAME", help="profile one request instead")
    parser.add_argument("--statements", metavar="NAME", help="print the statements of one request instead")
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if "DATABASE_URL" not in os.environ:
            os.environ["DATABASE_URL"] = f"sqlite:///{folder}/studio.sqlite3"
        os.environ |= {
            "DATA_DIR": folder,
            "PUBLIC_URL": "http://127.0.0.1:8000",
            "DJANGO_SETTINGS_MODULE": "studio.settings",
        }
        requests = Requests()
        if options.statements:
            print(*statements_of(requests.calls()[options.statements])[0], sep="\n\n")
            return
        if options.profile:
            profile(requests.calls()[options.profile], options.lines)
            return
        figures = {name: measure(call) for name, call in requests.calls().items()}
        if options.json:
            print(json.dumps(figures))
            return
        print(f"{'request':<42}{'ms':>8}{'least':>8}{'statements':>12}{'bytes':>8}")
        for name, (ms, fastest, statements, size) in figures.items():
            print(f"{name:<42}{ms:8.2f}{fastest:8.2f}{statements:12d}{size:8d}")


class Requests:
    """One workspace with an experiment of 200 runs, each with 5 metrics and 5 parameters."""

    def __init__(self):
        import django

        django.setup()
        from django.core.management import call_command
        from django.test import Client

        from accounts.actors import Actor
        from accounts.models import Token, User
        from runs.models import MetricSeries
        from studio.wsgi import application
        from workspaces import creation

        call_command("migrate", verbosity=0)
        person = User.objects.create_superuser("owner", password="not-used-here")
        workspace = creation.create_workspace(
            Actor(person), "bench", "bench", f"bench-{time.time_ns()}", create_group=True
        )
        _, self.secret = Token.create_for(person, "bench")
        self.application, self.base = application, f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow/"
        self.experiment = self.post("experiments/create", name=f"bench {time.time_ns()}")["experiment_id"]
        self.runs = [self.new_run(number) for number in range(RUNS)]
        self.step = 0
        browser = Client()
        browser.force_login(person)
        self.cookie = "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())
        # A run with 100 points of one metric, and the page that polls it.
        points = [{"key": "loss", "value": n / 7, "timestamp": 1_700_000_000_000, "step": n} for n in range(100)]
        self.post("runs/log-batch", run_id=self.runs[10], metrics=points)
        self.page = f"/ws/{workspace.slug}/runs/{self.runs[10]}/metrics/data/"
        self.revision = json.loads(self.call("GET", self.page))["seen"]
        self.series = MetricSeries.objects.get(run__run_id=self.runs[10], name="loss").pk

    def new_run(self, number: int) -> str:
        run = self.post(
            "runs/create",
            experiment_id=self.experiment,
            run_name=f"run-{number}",
            start_time=1_700_000_000_000 + number,
        )
        run_id = run["run"]["info"]["run_id"]
        self.post("runs/log-batch", **self.batch(run_id, number))
        return run_id

    @staticmethod
    def batch(run_id: str, number: int) -> dict:
        metrics = [
            {"key": f"metric_{n}", "value": number + n / 10, "timestamp": 1_700_000_000_000, "step": 0}
            for n in range(5)
        ]
        return {
            "run_id": run_id,
            "metrics": metrics,
            "params": [{"key": f"param_{n}", "value": str(number * n)} for n in range(5)],
        }

    def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        path, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path if path.startswith("/") else self.base + path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "HTTP_AUTHORIZATION": f"Bearer {self.secret}",
            "HTTP_ACCEPT_ENCODING": "gzip, deflate",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            **({"HTTP_COOKIE": self.cookie} if path.startswith("/") else {}),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
        }
        found: list = []
        answer = self.application(environ, lambda status, headers: found.extend([status, dict(headers)]))
        data = b"".join(answer)
        if found[1].get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        answer.close()
        if found[0][:3] not in ("200", "204"):
            sys.exit(f"{method} {path}: {found[0]} {data[:300]!r}")
        return data

    def post(self, path: str, **fields) -> dict:
        return json.loads(self.call("POST", path, json.dumps(fields).encode()))

    def calls(self) -> dict:
        return {
            "experiments/get": lambda: self.call("GET", f"experiments/get?experiment_id={self.experiment}"),
            "runs/get": lambda: self.call("GET", f"runs/get?run_id={self.runs[7]}"),
            "runs/create": lambda: self.call(
                "POST",
                "runs/create",
                json.dumps({"experiment_id": self.experiment, "start_time": 1_700_000_000_000}).encode(),
            ),
            "log-batch of 5 metrics, 5 params, new run": self.log_batch_of_new_run,
            "log-metric": self.log_metric,
            "search of 100, filter and order by metric": lambda: self.call("POST", "runs/search", self.search()),
            "poll of a page, 50 new points": lambda: self.call("GET", f"{self.page}?seen=0&after={self.series}:50"),
            "poll of a page, nothing new": self.poll_first,
            "the same, as a moment before": lambda: self.call("GET", f"{self.page}?seen={self.revision}"),
        }

    def poll_first(self) -> bytes:
        """The URL of a poll that no page has sent before."""
        self.step += 1
        return self.call("GET", f"{self.page}?seen={self.revision}&after={self.series}:{self.step}")

    def log_batch_of_new_run(self) -> bytes:
        run_id = self.post("runs/create", experiment_id=self.experiment, start_time=1_700_000_000_000)["run"]["info"][
            "run_id"
        ]
        return self.call("POST", "runs/log-batch", json.dumps(self.batch(run_id, 3)).encode())

    def log_metric(self) -> bytes:
        self.step += 1
        point = {"run_id": self.runs[9], "key": "loss", "value": 0.5, "timestamp": 1_700_000_000_000, "step": self.step}
        return self.call("POST", "runs/log-metric", json.dumps(point).encode())

    def search(self) -> bytes:
        return json.dumps(
            {
                "experiment_ids": [self.experiment],
                "filter": "metrics.metric_1 > 3",
                "order_by": ["metrics.metric_2 DESC"],
                "max_results": 100,
            }
        ).encode()


def statements_of(call) -> tuple[list[str], bytes]:
    from django.db import connection

    statements: list[str] = []

    def note(execute, sql, *rest):
        statements.append(sql)
        return execute(sql, *rest)

    call()
    with connection.execute_wrapper(note):
        data = call()
    return statements, data


def measure(call) -> tuple[float, float, int, int]:
    """Median and least ms of processor time, statements, and bytes of the answer. The least is what others on the machine
    disturb least."""
    statements, data = statements_of(call)
    spent, until = [], time.monotonic() + 8
    for _ in range(ROUNDS):
        begun = time.process_time()
        call()
        spent.append((time.process_time() - begun) * 1000)
        if time.monotonic() > until:
            break
    return round(statistics.median(spent), 3), round(min(spent), 3), len(statements), len(data)


def profile(call, lines: int) -> None:
    for _ in range(20):
        call()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(300):
        call()
    profiler.disable()
    pstats.Stats(profiler).sort_stats("cumtime").print_stats(lines)


if __name__ == "__main__":
    main()
