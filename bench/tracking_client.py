"""One measurement against one server, by the real client of MLflow or by plain HTTP. Needs nothing but `mlflow`.

`python bench/tracking_client.py NAME '{"url": …, "token": …, …}'` prints the figures as JSON. What was written is read
back and compared: a wrong count, value or order ends it with an error.
"""

import concurrent.futures
import http.client
import json
import multiprocessing
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time
from urllib.parse import quote, urlsplit

EPOCH = 1_700_000_000_000
PROCESSES, PAGE = 4, 25_000


class Api:
    """Plain HTTP on one connection that is kept."""

    def __init__(self, url: str, token: str):
        parts = urlsplit(url)
        self.path, self.connection = parts.path, http.client.HTTPConnection(parts.hostname, parts.port, timeout=600)
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def call(self, method: str, path: str, body: bytes | None = None) -> dict:
        self.connection.request(method, f"{self.path}/api/2.0/mlflow/{path}", body, self.headers)
        answer = self.connection.getresponse()
        data = answer.read()
        check(answer.status == 200, f"{path}: {answer.status} {data[:300]}")
        return json.loads(data)

    def post(self, path: str, **fields) -> dict:
        return self.call("POST", path, json.dumps(fields).encode())

    def new_experiment(self) -> str:
        return self.post("experiments/create", name=f"bench {time.time_ns()}")["experiment_id"]

    def new_run(self, experiment: str, number: int = 0) -> str:
        fields = {"experiment_id": experiment, "run_name": f"run-{number:05d}", "start_time": EPOCH + number}
        return self.post("runs/create", **fields)["run"]["info"]["run_id"]

    def history(self, run: str, key: str) -> list[dict]:
        points, token = [], ""
        while True:
            query = f"run_id={run}&metric_key={quote(key)}&max_results={PAGE}&page_token={quote(token)}"
            page = self.call("GET", f"metrics/get-history?{query}")
            points += page.get("metrics", [])
            if not (token := page.get("next_page_token", "")):
                return points


def check(right: bool, message: str) -> None:
    if not right:
        raise ValueError(message)


def check_points(api: Api, run: str, key: str, values: list[float]) -> None:
    found = [(point["step"], point["value"]) for point in api.history(run, key)]
    check(
        found == list(enumerate(values)),
        f"{key}: {len(found)} points came back, {len(values)} were sent, or wrong ones",
    )


# ---- single points


def singles(task: dict) -> dict:
    """Calls a second of the real client by 1 and by 8 threads; `stored` is False for a server that keeps nothing."""
    figures = {}
    for threads in (1, 8):
        figures[f"client_{threads}"] = _many(task, threads, _by_client)
    return figures


def plain_singles(task: dict) -> dict:
    return {f"plain_{threads}": _many(task, threads, _by_http) for threads in (1, 8)}


def _many(task: dict, threads: int, writer) -> float:
    api = Api(task["url"], task["token"])
    stored = task.get("stored", True)
    experiment = api.new_experiment() if stored else ""
    runs = [api.new_run(experiment, n) if stored else f"{n:032x}" for n in range(threads)]
    shares = [share for share in (runs[n::PROCESSES] for n in range(PROCESSES)) if share]
    context = multiprocessing.get_context("spawn")
    with context.Pool(len(shares)) as pool:
        if writer is _by_client:
            # An import takes longer than what is measured; each process has one task, for it takes no second meanwhile.
            pool.map(_import, [3.0] * len(shares), chunksize=1)
        begin = time.time() + 1.0
        counted = pool.starmap(writer, [(task, share, begin) for share in shares], chunksize=1)
    # A server may have closed the first connection meanwhile.
    api = Api(task["url"], task["token"])
    for run, count in [pair for share in counted for pair in share] if stored else []:
        check_points(api, run, "loss", [float(n) for n in range(count)])
    return sum(count for share in counted for _, count in share) / task["seconds"]


def _import(seconds: float) -> None:
    import mlflow

    mlflow.MlflowClient("http://127.0.0.1:1")
    time.sleep(seconds)


def client_of(task: dict):
    os.environ.update(MLFLOW_TRACKING_URI=task["url"], MLFLOW_TRACKING_TOKEN=task["token"])
    import mlflow

    return mlflow.MlflowClient(task["url"])


def _by_client(task: dict, runs: list[str], begin: float) -> list[tuple[str, int]]:
    client = client_of(task)

    def send(run: str, number: int) -> None:
        client.log_metric(run, "loss", float(number), timestamp=EPOCH + number, step=number)

    return _in_threads(runs, begin, task["seconds"], lambda: send)


def _by_http(task: dict, runs: list[str], begin: float) -> list[tuple[str, int]]:
    def connected():
        api = Api(task["url"], task["token"])

        def send(run: str, number: int) -> None:
            api.post(
                "runs/log-metric", run_id=run, key="loss", value=float(number), timestamp=EPOCH + number, step=number
            )

        return send

    return _in_threads(runs, begin, task["seconds"], connected)


def _in_threads(runs: list[str], begin: float, seconds: float, connected) -> list[tuple[str, int]]:
    def work(run: str) -> tuple[str, int]:
        send, sent = connected(), 0
        time.sleep(max(0.0, begin - time.time()))
        while time.time() < begin + seconds:
            send(run, sent)
            sent += 1
        return run, sent

    with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(work, runs))


# ---- many points


def value_of(key: int, step: int) -> float:
    return (step * 31 + key * 7) % 1009 / 8


def points_of(number: int) -> list[dict]:
    """A batch of 1,000: 10 keys, 100 steps each."""
    points = [(key, step) for step in range(number * 100, number * 100 + 100) for key in range(10)]
    return [{"key": f"m{k}", "value": value_of(k, s), "timestamp": EPOCH + s, "step": s} for k, s in points]


def batches(task: dict) -> dict:
    api = Api(task["url"], task["token"])
    run = api.new_run(api.new_experiment())
    bodies = [json.dumps({"run_id": run, "metrics": points_of(n)}).encode() for n in range(task["batches"])]
    begun = time.perf_counter()
    for body in bodies:
        api.call("POST", "runs/log-batch", body)
    seconds = time.perf_counter() - begun
    check_points(api, run, "m3", [value_of(3, step) for step in range(len(bodies) * 100)])
    return {"batch": len(bodies) * 1000 / seconds}


def million(task: dict) -> dict:
    """`points` points over 10 keys by the real client. The run is where `history` and `chart` read then."""
    client, api, total = client_of(task), Api(task["url"], task["token"]), task["points"]
    from mlflow.entities import Metric

    stored = task.get("stored", True)
    run = api.new_run(api.new_experiment()) if stored else "0" * 32
    begun = time.perf_counter()
    for number in range(total // 1000):
        client.log_batch(run, metrics=[Metric(**point) for point in points_of(number)])
    seconds = time.perf_counter() - begun
    api = Api(task["url"], task["token"])
    for key in (0, 9) if stored else ():
        check_points(api, run, f"m{key}", [value_of(key, step) for step in range(total // 10)])
    return {"million": seconds, "run": run}


def history(task: dict) -> dict:
    api, run, times = Api(task["url"], task["token"]), task["run"], []
    for _ in range(task["repeats"]):
        begun = time.perf_counter()
        points = api.history(run, "m0")
        times.append(time.perf_counter() - begun)
    check([p["value"] for p in points] == [value_of(0, s) for s in range(task["points"] // 10)], "wrong values")
    return {"history": statistics.median(times)}


def chart(task: dict) -> dict:
    api, last, times = Api(task["url"], task["token"]), task["points"] // 10 - 1, []
    path = f"metrics/get-history-bulk-interval?run_ids={task['run']}&metric_key=m0&max_results=320"
    for _ in range(task["repeats"]):
        begun = time.perf_counter()
        points = api.call("GET", path)["metrics"]
        times.append(time.perf_counter() - begun)
    steps = [point["step"] for point in points]
    check(300 <= len(steps) <= 330 and steps == sorted(steps) and (steps[0], steps[-1]) == (0, last), f"{len(steps)}")
    check(all(p["value"] == value_of(0, p["step"]) for p in points), "wrong values")
    return {"chart": statistics.median(times)}


# ---- runs


def fill(task: dict) -> dict:
    """`runs` runs with 5 metrics and 5 params each, by several connections."""
    total = task["runs"]
    experiment = Api(task["url"], task["token"]).new_experiment()
    local = threading.local()

    def add(number: int) -> None:
        if not hasattr(local, "api"):
            local.api = Api(task["url"], task["token"])
        run = local.api.new_run(experiment, number)
        values = [mixed(number, total, 104_729), mixed(number, total), number, number / 7, -number]
        params = [f"v{number % 50}", f"name-{number:05d}", "adam", "0.001", str(number)]
        metrics = [{"key": f"m{k}", "value": v, "timestamp": EPOCH, "step": 1} for k, v in enumerate(values)]
        local.api.post(
            "runs/log-batch",
            run_id=run,
            metrics=metrics,
            params=[{"key": f"p{k}", "value": v} for k, v in enumerate(params)],
        )

    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(total)))
    return {"fill": total / (time.perf_counter() - begun), "experiment": experiment}


def mixed(number: int, total: int, prime: int = 7919) -> int:
    return number * prime % total


def search(task: dict) -> dict:
    """The first 100 of a filter on one metric in the order of another."""
    api, total, times = Api(task["url"], task["token"]), task["runs"], []
    fitting = [n for n in range(total) if mixed(n, total, 104_729) > total // 2]
    right = sorted(fitting, key=lambda n: mixed(n, total), reverse=True)[:100]
    query = {"filter": f"metrics.m0 > {total // 2}", "order_by": ["metrics.m1 DESC"], "max_results": 100}
    for _ in range(task["repeats"]):
        begun = time.perf_counter()
        found = api.post("runs/search", experiment_ids=[task["experiment"]], **query)["runs"]
        times.append(time.perf_counter() - begun)
    names = [run["info"]["run_name"] for run in found]
    check(names == [f"run-{n:05d}" for n in right], f"the search gave {names[:3]}, not {right[:3]}")
    return {"search": statistics.median(times)}


# ---- files


def artifact(task: dict) -> dict:
    api, megabytes = Api(task["url"], task["token"]), task["megabytes"]
    client, run = client_of(task), api.new_run(api.new_experiment())
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "weights.bin")
        source.write_bytes(os.urandom(2**20) * megabytes)
        begun = time.perf_counter()
        client.log_artifact(run, str(source), "model")
        uploaded = time.perf_counter()
        copy = client.download_artifacts(run, "model/weights.bin", tempfile.mkdtemp(dir=folder))
        ended = time.perf_counter()
        check(pathlib.Path(copy).read_bytes() == source.read_bytes(), "the file came back different")
    return {"upload": megabytes / (uploaded - begun), "download": megabytes / (ended - uploaded)}


def plain_artifact(task: dict) -> dict:
    """The same by plain HTTP in large pieces, for MLflow's client moves a file in small ones."""
    api, megabytes = Api(task["url"], task["token"]), task["megabytes"]
    experiment = api.new_experiment()
    body, piece = os.urandom(2**20) * megabytes, bytearray(2**20)
    path = f"{api.path}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{api.new_run(experiment)}/artifacts/w.bin"
    begun = time.perf_counter()
    api.connection.request("PUT", path, body, api.headers | {"Content-Type": "application/octet-stream"})
    answer = api.connection.getresponse()
    check(answer.status == 200, f"{answer.status} {answer.read()[:300]}")
    answer.read()
    uploaded, got = time.perf_counter(), 0
    api.connection.request("GET", path, headers=api.headers)
    answer = api.connection.getresponse()
    while count := answer.readinto(piece):
        got += count
    seconds = time.perf_counter() - uploaded
    check(got == len(body), f"{got} of {len(body)} bytes came back")
    return {"plain_upload": megabytes / (uploaded - begun), "plain_download": megabytes / seconds}


if __name__ == "__main__":
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")
    print(json.dumps(globals()[sys.argv[1]](json.loads(sys.argv[2]))))
