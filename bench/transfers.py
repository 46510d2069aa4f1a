"""`make bench-transfers`: MEGABYTES=1000 in FILES=10000 files and in one, by the SDK to and from a datastore of a studio,
and by MLflow's client to and from its own server.

Both take turns, ROUNDS=3 times, and the best of each counts. What a turn has stored is deleted after it, and nothing waits to be
written to the disk when the next one begins, so that none pays for another. Rewrites the table in docs/data_speed.md.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import page
from servers import MB, ROOT, Mlflow, Ours, Server
from tracking import PYTHON, install

MEGABYTES, FILES = int(os.environ.get("MEGABYTES", "1000")), int(os.environ.get("FILES", "10000"))
ROUNDS, GOAL = int(os.environ.get("ROUNDS", "3")), 3
OURS = """
from lazuli import resource_ids
from lazuli.client import Client
from lazuli.data import datastores, transfer
from lazuli.workspaces import WorkspaceClient

base, _, path = url.partition("/mlflow/v1.0")
workspace = WorkspaceClient(Client(base, token), *resource_ids.parse_workspace_id(path))
# The first request loads the packages that send requests, as `create_run` does for MLflow.
datastores.get_default(workspace)

def upload(folder, name):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    pairs = [(str(file), f"{name}/{file.relative_to(folder).as_posix()}") for file in files]
    assert transfer.upload_files(workspace, "workspaceblobstore", pairs) == len(pairs)

def download(name, target):
    found = list(datastores.list_files(workspace, "workspaceblobstore", name + "/"))
    transfer.download_files(workspace, [(file, datastores.local_path(str(target), file.path)) for file in found])
"""
THEIRS = """
import os
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")
from mlflow import MlflowClient

client = MlflowClient(url)
run = client.create_run(client.create_experiment(name)).info.run_id

def upload(folder, name):
    client.log_artifacts(run, str(folder), name)

def download(name, target):
    client.download_artifacts(run, name, str(target))
"""
CODE = """
import json, pathlib, sys, tempfile, time
url, token, folder, name = sys.argv[1:]
{client}
folder, begun = pathlib.Path(folder), time.perf_counter()
upload(folder, name)
uploaded = time.perf_counter()
with tempfile.TemporaryDirectory() as target:
    download(name, pathlib.Path(target))
    downloaded = time.perf_counter()
    tops = (folder, pathlib.Path(target))
    sizes = [sorted(file.stat().st_size for file in top.rglob("*") if file.is_file()) for top in tops]
assert sizes[0] == sizes[1], "not all files came back"
print(json.dumps([uploaded - begun, downloaded - uploaded]))
"""


def make_files(folder: pathlib.Path, count: int) -> pathlib.Path:
    for number in range(count):
        inside = folder / f"{number // 1000:03d}"
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"{number:05d}.bin").write_bytes(os.urandom(MEGABYTES * MB // count))
    return folder


def transfer(server: Server, client: str, folder: pathlib.Path, name: str) -> list[float]:
    """Seconds of the upload and of the download."""
    os.sync()
    python = str(PYTHON) if client is THEIRS else sys.executable
    command = [python, "-c", CODE.format(client=client), server.url, server.token, str(folder), name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    for file in server.folder.rglob("*.bin"):
        file.unlink()
    return json.loads(done.stdout.splitlines()[-1])


def measure(folder: pathlib.Path) -> list[str]:
    ours, theirs = Ours("the studio", folder / "ours"), Mlflow(PYTHON, 1, folder / "theirs")
    ours.start()
    ours.open()
    theirs.start()
    rows = []
    try:
        for count in dict.fromkeys((FILES, 1)):
            files = make_files(folder / f"files-{count}", count)
            best = [[1e9, 1e9], [1e9, 1e9]]
            for number in range(ROUNDS):
                for index, (server, client) in enumerate(((ours, OURS), (theirs, THEIRS))):
                    found = transfer(server, client, files, f"{count}-{number}")
                    best[index] = [min(pair) for pair in zip(best[index], found, strict=True)]
            rows += [row_of(what, count, best[0][at], best[1][at]) for at, what in enumerate(("upload", "download"))]
    finally:
        ours.end()
        theirs.end()
    return rows


def row_of(what: str, count: int, ours: float, theirs: float) -> str:
    size = f"{MEGABYTES:,} MB in {f'{count:,} files' if count > 1 else 'one file'}"
    ratio = theirs / ours
    shown = f"{ratio:.1f} ×" if ratio >= GOAL else f"**{ratio:.1f} ×**"
    row = f"| {size}, {what} | {ours:.2f} s | {theirs:.2f} s | {shown} |"
    print(row, flush=True)
    return row


def main():
    version = install(postgres=False)
    with tempfile.TemporaryDirectory(prefix="bench-transfers-") as name:
        rows = measure(pathlib.Path(name))
    said = f"MLflow is {version} with one worker; the best of {ROUNDS} turns. The goal is {GOAL} times as quick."
    text = [
        f"{page.measured()} {said}",
        "",
        "| what | studio | MLflow | ratio |\n|---|---|---|---|",
        *rows,
    ]
    page.write_section(ROOT / "docs" / "data_speed.md", "Transfers", "\n".join(text))


if __name__ == "__main__":
    main()
