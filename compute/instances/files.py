"""The files of an instance: its user's home, the shared folder, samples, kernels, config.json.

All except home and shared folder belong to the studio, and an instance can only read them.
"""

import json
import os
import pathlib
import tempfile

from django.conf import settings

from workspaces.file_share import SHARED, USERS, Home, share_folder

# Names of kernels in notebooks, and their labels. All use the environment of the instance.
KERNELS = {
    "python3-azureml": "Python 3.6 - AzureML",
    "python38-azureml": "Python 3.8 - AzureML",
    "python310-sdkv2": "Python 3.10 - SDK v2",
}
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
SAMPLES = settings.BASE_DIR / "notebooks" / "samples"


class InstanceFiles:
    def __init__(self, workspace, home: Home):
        self.workspace, self.share = workspace, share_folder(workspace)
        self.name, self.home = home.name, self.share / USERS / home.name
        self.shared = self.share / USERS / SHARED
        # The root of JupyterLab's file browser: links to the folders that its user may open.
        self.view = self.share / "views" / home.name
        self.jupyter = self.share / "jupyter"
        self.config = self.share / ".azureml"

    def prepare(self) -> None:
        settings_folders = (self.jupyter / "kernels", self.jupyter / "labconfig", self.config)
        for folder in (self.home, self.shared, self.view, *settings_folders):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, target in ((self.name, self.home), (SHARED, self.shared), ("Samples", SAMPLES)):
            if not (self.view / name).is_symlink():
                (self.view / name).symlink_to(target)
        config = {**self.workspace.config, "url": settings.PUBLIC_URL}
        _write(self.config / "config.json", config)
        # Otherwise Jupyter asks each person whether it may load news from the internet.
        _write(self.jupyter / "labconfig" / "page_config.json", {"disabledExtensions": {ANNOUNCEMENTS: True}})
        for name, shown in KERNELS.items():
            (self.jupyter / "kernels" / name).mkdir(mode=0o700, exist_ok=True)
            argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            spec = {"argv": argv, "display_name": shown, "language": "python", "metadata": {"debugger": True}}
            _write(self.jupyter / "kernels" / name / "kernel.json", spec)

    @property
    def readable(self) -> list[str]:
        return [str(path) for path in (self.view, self.jupyter, self.config, SAMPLES)]


def _write(path: pathlib.Path, content: dict) -> None:
    """Replace the file atomically, because a running instance may be reading it."""
    number, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(number, "w") as file:
        json.dump(content, file, indent=1)
    os.replace(temporary, path)
