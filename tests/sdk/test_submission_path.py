"""A newcomer can follow a submission from `Experiment.submit` to the row in the queue: the call goes through few files."""

import inspect
import pathlib

from azureml.core import Experiment, ScriptRunConfig
from django.conf import settings
from django.db.models.signals import post_save

from compute.models import Work

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_FILES = 8
# What every request passes through.
EVERY_REQUEST = {
    "studio/wsgi.py",
    *(name.rpartition(".")[0].replace(".", "/") + ".py" for name in settings.API_MIDDLEWARE),
}


def files_of_callers() -> list[str]:
    """Files of the repository on the stack, from `Experiment.submit` to here, without what every request passes through."""
    files: list[str] = []
    for frame in reversed(inspect.stack(context=0)):
        path = pathlib.Path(frame.filename)
        if not path.is_relative_to(ROOT) or ".venv" in path.parts or path.is_relative_to(ROOT / "tests"):
            continue
        name = str(path.relative_to(ROOT))
        if name not in files and name not in EVERY_REQUEST:
            files.append(name)
    return files


def test_a_submission_crosses_few_files(ws, cluster, tmp_path):
    (tmp_path / "train.py").write_text("print(1)\n")
    found: list[list[str]] = []

    def note(**kwargs):
        found.append(files_of_callers())

    post_save.connect(note, sender=Work)
    try:
        config = ScriptRunConfig(source_directory=str(tmp_path), script="train.py", compute_target=cluster)
        Experiment(ws, "digits").submit(config)
    finally:
        post_save.disconnect(note, sender=Work)
    (files,) = found
    assert files[0] == "sdk/src/azureml/core/experiment.py"
    assert {"sdk/src/lazuli/runs/submission.py", "runs/api/jobs.py", "runs/submission.py"} <= set(files)
    assert files[-1] == "compute/queue.py"
    assert len(files) <= MAX_FILES, files
