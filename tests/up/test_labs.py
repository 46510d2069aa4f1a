"""What a course's first labs do with the SDK: look around, track an experiment, train a model; here and on a cluster."""

import csv
import json
import random

import pytest
from azureml.core import VERSION, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.widgets import RunDetails

pytestmark = [pytest.mark.stack, pytest.mark.extended, pytest.mark.timeout(400)]

ROWS = 400
# As the labs have it: an old Python, names of conda's, and the old SDK's distribution.
SPECIFICATION = """
name: experiment_env
dependencies:
  - python=3.6.2
  - scikit-learn
  - pip
  - pip:
    - azureml-core
"""
COUNT = """
import csv, os
from azureml.core import Run

run = Run.get_context()
rows = list(csv.DictReader(open('data.csv')))
print('Analyzing {} rows of data'.format(len(rows)))
run.log('observations', len(rows))
for label in ('0', '1'):
    run.log('Label:' + label, sum(row['Diabetic'] == label for row in rows))
os.makedirs('outputs', exist_ok=True)
with open('outputs/sample.csv', 'w') as file:
    file.write('a,b')
run.complete()
"""
TRAIN = """
import argparse, csv, os
import joblib
import numpy as np
from azureml.core import Run
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

parser = argparse.ArgumentParser()
parser.add_argument('--reg_rate', type=float, dest='reg', default=0.01)
reg = parser.parse_args().reg
run = Run.get_context()
rows = [[float(value) for value in row] for row in list(csv.reader(open('data.csv')))[1:]]
X, y = np.array(rows)[:, :-1], np.array(rows)[:, -1]
print('Training a logistic regression model with regularization rate of', reg)
run.log('Regularization Rate', float(reg))
model = LogisticRegression(C=1 / reg, solver='liblinear').fit(X, y)
run.log('Accuracy', np.average(model.predict(X) == y))
run.log('AUC', roc_auc_score(y, model.predict_proba(X)[:, 1]))
os.makedirs('outputs', exist_ok=True)
joblib.dump(value=model, filename='outputs/diabetes_model.pkl')
run.complete()
"""

# What a curious script tries on a node of the studio's own machine.
SPY = """
import glob, os, sys

def tries(what, act):
    try:
        print(what, 'opened', act())
    except OSError as error:
        print(what, 'refused')

data = sys.argv[1]
for name in ('secret.key', 'studio.sqlite3', 'config.json', 'redis/redis.conf'):
    assert not os.path.exists(data + '/' + name) or tries(name, lambda: len(open(data + '/' + name, 'rb').read())) is None
others = [path for path in glob.glob('/proc/[0-9]*/environ') if path != f'/proc/{os.getpid()}/environ']
tries('environment', lambda: open(sys.prefix + '/lib/added.py', 'w'))
def read(path):
    try:
        return open(path, 'rb').read()
    except OSError:
        return b''
print('of', len(others), 'processes', sum(b'TOKEN' in read(path) or b'KEY' in read(path) for path in others), 'told a secret')
"""


@pytest.fixture(scope="module")
def ws(studio):
    patch = pytest.MonkeyPatch()
    patch.setenv("LAZULI_URL", studio.url)
    patch.setenv("LAZULI_TOKEN", studio.manage("token", "labs"))
    yield Workspace.from_config(str(studio.data / "config.json"))
    patch.undo()


@pytest.fixture(scope="module", params=["local", "your-compute-cluster"])
def target(request, ws):
    if request.param != "local":
        _cluster(ws, request.param)
    return request.param


def _cluster(ws, name) -> ComputeTarget:
    """The block that the labs repeat."""
    try:
        return ComputeTarget(workspace=ws, name=name)
    except ComputeTargetException:
        configuration = AmlCompute.provisioning_configuration(vm_size="STANDARD_DS11_V2", max_nodes=2)
        made = ComputeTarget.create(ws, name, configuration)
        made.wait_for_completion(show_output=True)
        return made


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The lab's own folder, with a little data in which two columns tell the label."""
    monkeypatch.chdir(tmp_path)
    directory, dice = tmp_path / "lab", random.Random(4)
    directory.mkdir()
    with (directory / "data.csv").open("w", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["Glucose", "BMI", "Age", "Diabetic"])
        for _ in range(ROWS):
            glucose, bmi = dice.gauss(0, 1), dice.gauss(0, 1)
            sheet.writerow([glucose, bmi, dice.random(), int(glucose + bmi + dice.gauss(0, 0.3) > 0)])
    (directory / "count.py").write_text(COUNT)
    (directory / "train.py").write_text(TRAIN)
    (directory / "spy.py").write_text(SPY)
    (tmp_path / "environment.yml").write_text(SPECIFICATION)
    return directory


def environment() -> Environment:
    return Environment.from_conda_specification("experiment_env", "environment.yml")


def submit(ws, experiment, folder, target, script, *arguments):
    more = {} if target == "local" else {"compute_target": target}
    config = ScriptRunConfig(
        source_directory=str(folder), script=script, arguments=list(arguments), environment=environment(), **more
    )
    run = Experiment(workspace=ws, name=experiment).submit(config=config)
    RunDetails(run).show()
    run.wait_for_completion(show_output=True)
    return run


def test_look_around(ws):
    assert VERSION and ws.name == "aml-workspace"
    assert {name: ws.compute_targets[name].type for name in ws.compute_targets} == {"cpu-cluster": "AmlCompute"}


def test_track_an_experiment_inline(ws, folder, tmp_path):
    experiment = Experiment(workspace=ws, name="diabetes-inline")
    run = experiment.start_logging()
    run.log("observations", ROWS)
    run.log_list("categories", [1, 2, 3])
    for stat in ("count", "mean", "max"):
        run.log_row("BMI", stat=stat, value=1.5)
    (tmp_path / "sample.csv").write_text("a,b\n")
    run.upload_file(name="outputs/sample.csv", path_or_stream="./sample.csv")
    run.complete()

    RunDetails(run).show()
    metrics = json.loads(json.dumps(run.get_metrics(), indent=2))
    assert metrics["BMI"] == {"stat": ["count", "mean", "max"], "value": [1.5] * 3}
    assert (metrics["observations"], metrics["categories"]) == (ROWS, [1, 2, 3])
    assert run.get_file_names() == ["outputs/sample.csv"]
    run.download_files(prefix="outputs", output_directory="downloaded-files")
    assert (tmp_path / "downloaded-files" / "outputs" / "sample.csv").read_text() == "a,b\n"
    details = run.get_details_with_logs()
    assert details["startTimeUtc"] < details["endTimeUtc"] and details["logFiles"] == {}


def test_track_an_experiment_in_a_script(ws, target, folder, tmp_path, capsys):
    name = f"diabetes-{target}"
    first = submit(ws, name, folder, target, "count.py")
    assert f"Analyzing {ROWS} rows of data" in capsys.readouterr().out
    metrics = first.get_metrics()
    assert metrics["observations"] == metrics["Label:0"] + metrics["Label:1"] == ROWS
    assert "outputs/sample.csv" in first.get_file_names()
    first.get_all_logs(destination="downloaded-logs")
    logs = [path.read_text() for path in (tmp_path / "downloaded-logs").rglob("*.txt")]
    assert any("Analyzing" in text for text in logs)

    second = submit(ws, name, folder, target, "count.py")
    # The environment is there by now: its log, if it has one, says no more. The history shows the newest first.
    second.get_all_logs(destination="second-logs")
    builds = [path.read_text() for path in (tmp_path / "second-logs").rglob("20_image_build_log.txt")]
    assert all(text.startswith("The environment is in the cache.") for text in builds)
    assert [run.id for run in ws.experiments[name].get_runs()] == [second.id, first.id]


def test_train_models(ws, target, folder, tmp_path):
    run = submit(ws, f"train-{target}", folder, target, "train.py", "--reg_rate", 10.0)
    metrics = run.get_metrics()
    assert metrics["Regularization Rate"] == 10.0
    assert metrics["Accuracy"] > 0.85 and metrics["AUC"] > 0.9
    run.download_file("outputs/diabetes_model.pkl", str(tmp_path / "model.pkl"))
    assert (tmp_path / "model.pkl").stat().st_size > 300


def test_a_script_on_a_node_reads_neither_the_studio_nor_other_processes(ws, target, folder, studio, capsys):
    if target == "local":
        pytest.skip("on a person's own machine their script may read what they may")
    submit(ws, "spy", folder, target, "spy.py", str(studio.data))
    said = capsys.readouterr().out
    assert "secret.key refused" in said and "studio.sqlite3 refused" in said and "environment refused" in said
    assert "opened" not in said and " processes 0 told a secret" in said
