"""The calls of a course, exactly as it writes them, on a fresh studio and with what its package index installs."""

import json
import os
import pathlib
import subprocess
import venv

import pytest

pytestmark = [pytest.mark.course, pytest.mark.timeout(600)]

CREATE = """
from azureml.core import Workspace
ws = Workspace.create(name='aml-workspace',
                      subscription_id='123456-abc-123...',
                      resource_group='aml-resources',
                      create_resource_group=True,
                      location='eastus')
ws.write_config()
print(ws.name, ws.subscription_id)
"""
SCRIPT = """
from azureml.core import Run
import pandas as pd
import matplotlib.pyplot as plt
import os

run = Run.get_context()
data = pd.read_csv('data.csv')
row_count = len(data)
print('Analyzing {} rows of data'.format(row_count))
run.log('observations', row_count)
plt.figure()
plt.hist(data['age'])
run.log_image(name='ages', plot=plt)
os.makedirs('outputs', exist_ok=True)
data.sample(100, replace=True).to_csv('outputs/sample.csv', index=False, header=True)
run.complete()
"""
SUBMIT = """
import json, os
from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.widgets import RunDetails

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name='my-experiment')
script_config = ScriptRunConfig(source_directory='experiment_folder', script='experiment.py')
run = experiment.submit(config=script_config)
RunDetails(run).show()
run.wait_for_completion(show_output=True)
open('notes.txt', 'w').write('seen')
run.upload_file(name='outputs/notes.txt', path_or_stream='notes.txt')
answer = {'status': run.get_status(), 'metrics': run.get_metrics(), 'files': run.get_file_names()}
open('answer.json', 'w').write(json.dumps(answer))
"""


class Student:
    """A machine with nothing but Python, beside the studio."""

    def __init__(self, studio, folder: pathlib.Path):
        self.folder, self.bin = folder, folder / "venv" / "bin"
        venv.create(folder / "venv", with_pip=True)
        ours = {"LAZULI_URL": studio.url, "LAZULI_TOKEN": studio.manage("token", "course"), "HOME": str(folder)}
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("LAZULI_", "AZUREML_", "PYTHON"))
        }
        caches = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(pathlib.Path.home() / ".cache" / "uv"))}
        path = os.pathsep.join([str(self.bin), kept["PATH"]])
        self.env = {**kept, **caches, **ours, "PATH": path, "LAZULI_ENV_CACHE": str(folder / "environments")}

    def run(self, *words: str) -> str:
        ended = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=400)
        assert ended.returncode == 0, f"{words}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def python(self, code: str) -> str:
        return self.run(str(self.bin / "python"), "-c", code)


def test_the_course_runs_as_it_is_written(studio, tmp_path):
    student = Student(studio, tmp_path)
    index = ["--index-url", f"{studio.url}/pypi/simple/", "--quiet", "--disable-pip-version-check"]
    student.run("pip", "install", *index, "azureml-sdk[notebooks,automl,explain]", "lazuli-sdk[az]")
    assert student.python(CREATE).splitlines()[-1] == "aml-workspace 123456-abc-123..."
    made = json.loads(student.run("az", "ml", "workspace", "create", "-w", "aml-workspace", "-g", "aml-resources"))
    assert (made["name"], made["resourceGroup"]) == ("aml-workspace", "aml-resources")

    folder = tmp_path / "experiment_folder"
    folder.mkdir()
    (folder / "data.csv").write_text("age\n" + "".join(f"{20 + row % 50}\n" for row in range(123)))
    (folder / "experiment.py").write_text(SCRIPT)
    printed = student.python(SUBMIT)
    assert "Analyzing 123 rows of data\n" in printed and "Execution Summary" in printed, printed
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert (answer["status"], answer["metrics"]["observations"]) == ("Completed", 123)
    assert {"outputs/sample.csv", "outputs/notes.txt", "user_logs/std_log.txt"} <= set(answer["files"])
