"""Whatever is sent to the two APIs, no answer may be a server error: schemathesis against a throw-away studio.

python bench/fuzz.py      for FUZZ_SECONDS (600), half of them for each API; both descriptions come from the studio itself.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import urllib.request
from urllib.parse import urlsplit

from servers import Ours

SECONDS = int(os.environ.get("FUZZ_SECONDS", "600"))
DESCRIPTIONS = {"azure": "/api/openapi.json", "mlflow": "/api/mlflow/openapi.json"}
# What would leave nothing to send to.
SPARED = {
    ("delete", "/workspaces/{workspace_name}"),
    ("delete", "/resourceGroups/{resource_group}"),
    ("post", "/trash/purge"),
}


def main() -> int:
    if SECONDS < 20:
        sys.exit("FUZZ_SECONDS: write 20 or more.")
    # A signal that stops it early ends the studio too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        studio = Ours("The studio", pathlib.Path(folder) / "studio")
        try:
            studio.start()
            studio.open()
            failed = [name for name, path in DESCRIPTIONS.items() if not _is_sound(studio, name, path)]
            broken = _server_errors(studio.folder / "log.txt")
        finally:
            studio.end()
    print("\n".join(broken[:20]))
    print(f"Server errors of: {', '.join(failed)}" if failed else "No answer was a server error.", flush=True)
    return 1 if failed or broken else 0


def _is_sound(studio: Ours, name: str, path: str) -> bool:
    file = studio.folder / f"{name}.json"
    description = _read(studio, f"http://127.0.0.1:{studio.port}{path}")
    file.write_text(json.dumps(_near(description, _known(studio))))
    command = [
        *[str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", str(file)],
        *["--url", f"http://127.0.0.1:{studio.port}", "--header", f"Authorization: Bearer {studio.token}"],
        *["--checks", "not_a_server_error", "--phases", "coverage,fuzzing", "--max-time", str(SECONDS // 2)],
        *["--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "30"],
    ]
    return subprocess.run(command, cwd=studio.folder).returncode == 0


def _read(studio: Ours, url: str, body: dict | None = None) -> dict:
    headers = {"Authorization": f"Bearer {studio.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _known(studio: Ours) -> dict[str, str]:
    """Words that name something which is there, by the names of the fields in which they are sent."""
    base = f"{studio.url}/api/2.0/mlflow"
    run = _read(studio, f"{base}/runs/create", {"experiment_id": "0", "tags": [{"key": "k", "value": "v"}]})["run"][
        "info"
    ]
    _read(
        studio, f"{base}/runs/log-metric", {"run_id": run["run_id"], "key": "k", "value": 1, "timestamp": 1, "step": 1}
    )
    model = _read(studio, f"{base}/logged-models", {"experiment_id": "0", "source_run_id": run["run_id"]})["model"][
        "info"
    ]
    # The second API finds what the first one has made.
    words = urlsplit(studio.url).path.split("/")
    return {
        "subscription_id": words[words.index("subscriptions") + 1],
        "resource_group": words[words.index("resourceGroups") + 1],
        "workspace_name": words[words.index("workspaces") + 1],
        "experiment_id": "0", "run_id": run["run_id"], "model_id": model["model_id"], "experiment_name": "Default",
        "metric_key": "k", "key": "k", "version": "1",
        "artifact": f"{run['experiment_id']}/{run['run_id']}/artifacts/a.txt",
    }  # fmt: skip


def _near(description: dict, known: dict[str, str]) -> dict:
    """The description with known words offered where they fit, for strange ones alone end at the first check."""
    for path, methods in description["paths"].items():
        for method, end in SPARED:
            if path.endswith(end):
                methods.pop(method, None)
    description["paths"] = {path: methods for path, methods in description["paths"].items() if methods}
    _offer(description["paths"], known)
    return description


def _offer(part, known: dict[str, str]) -> None:
    if isinstance(part, list):
        for item in part:
            _offer(item, known)
    if not isinstance(part, dict):
        return
    if "application/zip" in part:
        # schemathesis makes bytes of this kind alone.
        part["application/octet-stream"] = part.pop("application/zip")
    if part.get("in") in ("path", "query") and part.get("name") in known and "schema" in part:
        part["schema"] = _offered(
            part["schema"], known[part["name"]], part["in"] == "path" and part["name"] in PATH_WORDS
        )
    for name, field in part.get("properties", {}).items() if isinstance(part.get("properties"), dict) else ():
        if name in known and field == {"type": "string"}:
            part["properties"][name] = _offered(field, known[name], False)
    for value in part.values():
        _offer(value, known)


PATH_WORDS = ("subscription_id", "resource_group", "workspace_name")


def _offered(schema: dict, word: str, alone: bool) -> dict:
    return {"type": "string", "enum": [word]} if alone else {"anyOf": [{"type": "string", "enum": [word]}, schema]}


def _server_errors(log: pathlib.Path) -> list[str]:
    return [line for line in log.read_text(errors="replace").splitlines() if "Internal Server Error" in line]


if __name__ == "__main__":
    sys.exit(main())
