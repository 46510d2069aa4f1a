"""The servers that bench/serving.py compares, besides the studio: each with the same model, one worker and one thread for its arithmetic."""

import os
import pathlib
import subprocess
import sys
import textwrap

from servers import ROOT, UV, Server, installed_version

PYTHON = ROOT / ".cache" / "serving" / "bin" / "python"
PACKAGES = ["scikit-learn>=1.9,<2", "mlflow>=3.17,<4", "bentoml>=1.4,<2", "uvicorn", "httptools", "uvloop"]
PACKAGES += ["gunicorn", "flask"]
# Two rows of eight numbers.
ROWS = [[0.1 * number for number in range(8)], [0.2 * number for number in range(8)]]

TRAIN = """
import pickle
import mlflow
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

inputs = numpy.random.default_rng(0).normal(size=(1000, 8))
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, inputs.sum(axis=1) > 0)
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
mlflow.sklearn.save_model(model, "mlflow-model")
"""
SCORE = """
import json, os, pickle
import numpy

def init():
    global model
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"), "rb") as file:
        model = pickle.load(file)

def run(raw_data):
    return {"predictions": model.predict(numpy.array(json.loads(raw_data)["inputs"])).tolist()}
"""
APPLICATIONS = {
    "score": SCORE,
    "bare": """
import json, pickle
import numpy

with open("model.pkl", "rb") as file:
    model = pickle.load(file)

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", scope["method"] == "POST"
    while more:
        message = await receive()
        body, more = body + message["body"], message.get("more_body")
    found = {}
    if body:
        found = {"predictions": model.predict(numpy.array(json.loads(body)["inputs"])).tolist()}
    answer = json.dumps(found).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
""",
    "flasked": """
import pickle
import flask
import numpy

with open("model.pkl", "rb") as file:
    model = pickle.load(file)
app = flask.Flask("flasked")

@app.get("/")
def ready():
    return "ready"

@app.post("/score")
def score():
    return {"predictions": model.predict(numpy.array(flask.request.get_json()["inputs"])).tolist()}
""",
    "bento": """
import pickle
import bentoml
import numpy

@bentoml.service(workers=1)
class Served:
    def __init__(self):
        with open("model.pkl", "rb") as file:
            self.model = pickle.load(file)

    @bentoml.api
    def score(self, inputs: list) -> dict:
        return {"predictions": self.model.predict(numpy.array(inputs)).tolist()}
""",
}


class Peer(Server):
    """A server whose command runs in the folder of the model and the applications."""

    page = "/"

    def __init__(self, name: str, folder: pathlib.Path, options: list[str], path: str = "/score", page: str = "/"):
        super().__init__(name, folder)
        self.root, self.page = folder, page
        self.options, self.path, self.key = options, path, ""

    @property
    def command(self):
        return [str(PYTHON), "-m", *(option.format(port=self.port) for option in self.options)]

    @property
    def env(self):
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(self.folder)}
        paths = {"PYTHONPATH": str(ROOT / "sdk" / "src"), "AZUREML_MODEL_DIR": str(self.folder)}
        return {**os.environ, **quiet, **paths, "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"}

    @property
    def address(self) -> str:
        return self.url + self.path


def install() -> str:
    """The peers in an environment of their own; their versions, in words."""
    if not PYTHON.exists():
        subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(PYTHON.parent.parent)], check=True)
        subprocess.run([UV, "pip", "install", "-q", "--python", str(PYTHON), *PACKAGES], check=True)
    names = {"mlflow": "MLflow", "bentoml": "BentoML", "uvicorn": "uvicorn", "gunicorn": "gunicorn", "flask": "Flask"}
    names["scikit-learn"] = "scikit-learn"
    return ", ".join(f"{shown} {installed_version(PYTHON, name)}" for name, shown in names.items())


def prepare(folder: pathlib.Path) -> None:
    """Train the model, and write the applications beside it."""
    for name, code in APPLICATIONS.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(code))
    subprocess.run([str(PYTHON), "-c", TRAIN], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def make_peers(folder: pathlib.Path) -> list[Peer]:
    gunicorn = ["gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1", "flasked:app"]
    mlflow = ["mlflow", "models", "serve", "-m", "mlflow-model", "--env-manager", "local", "--port", "{port}"]
    bento = ["bentoml", "serve", "bento:Served", "--host", "127.0.0.1", "--port", "{port}"]
    return [
        Peer("the studio's scoring server alone", folder, ["lazuli.scoring", "score.py", "--port", "{port}"]),
        Peer("uvicorn, bare ASGI", folder, ["uvicorn", "bare:app", "--port", "{port}", "--log-level", "warning"]),
        Peer("gunicorn, Flask", folder, gunicorn),
        Peer("mlflow models serve", folder, [*mlflow, "--workers", "1"], "/invocations", "/ping"),
        Peer("BentoML", folder, bento, page="/readyz"),
    ]
