"""The Jupyter server of an instance: its packages, its settings, and the state of its kernels and terminals."""

import dataclasses
import datetime as dt
import http.client
import json
import os
import socket

from django.conf import settings

from assets import rebuilds
from assets.models import Environment, EnvironmentVersion
from compute.instances.files import InstanceFiles
from studio.formats import parse_time
from studio.hosts import host_of
from workspaces.models import Workspace

PACKAGES = [
    "jupyterlab>=4.6,<4.7",
    "notebook>=7.4,<8",
    "ipykernel>=6",
    # Outputs are recorded while no page is open.
    "jupyter-server-documents==0.3.3",
    "azureml-sdk",
    "azureml-widgets",
    "matplotlib",
    "pandas",
]
NAME = "compute-instance"
ENVIRONMENT = {
    "name": NAME,
    "python": {
        "userManagedDependencies": False,
        "condaDependencies": {"name": NAME, "dependencies": ["python>=3.10", "pip", {"pip": PACKAGES}]},
    },
}
# The version by which a rebuild of it is ordered; no version that people register has this name.
BUILT_IN = "built-in"
ANSWER_SECONDS = 2.0
MAX_ANSWER = 4 * 1024 * 1024
# Maps the name in the applications column to the path on the server.
APPLICATIONS = {"jupyterlab": "/lab", "jupyter": "/tree", "notebook": "/notebooks"}


def build_command(label: str) -> list[str]:
    host = host_of(settings.APPLICATIONS.origin_of(label)) if settings.APPLICATIONS else "localhost"
    # The URLs under which people can open the studio.
    near = settings.LOCAL_URL.replace("127.0.0.1", "localhost")
    frames = " ".join(dict.fromkeys([settings.PUBLIC_URL.removesuffix(settings.PUBLIC_PATH), settings.LOCAL_URL, near]))
    headers = {"headers": {"Content-Security-Policy": f"frame-ancestors 'self' {frames}"}}
    options = {
        "ServerApp.sock": "{socket}",
        "ServerApp.open_browser": "False",
        "ServerApp.allow_root": str(os.geteuid() == 0),
        "ServerApp.tornado_settings": json.dumps(headers),
        "ServerApp.websocket_ping_interval": "30",
        # Not a login shell, which would forget the PATH of the environment, and so its pip and python.
        "ServerApp.terminado_settings": json.dumps({"shell_command": ["/bin/bash"]}),
        "ZMQChannelsWebsocketConnection.iopub_data_rate_limit": "50000000",
        "ZMQChannelsWebsocketConnection.iopub_msg_rate_limit": "20000",
        "FileContentsManager.delete_to_trash": "False",
        "LabApp.extension_manager": "readonly",
        "LabApp.news_url": "None",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    # Requests with another host name that resolves to this machine are refused.
    names = [f"--ServerApp.local_hostnames={name}" for name in (host, "localhost")]
    return ["python", "-m", "jupyterlab", *names, *(f"--{name}={value}" for name, value in options.items())]


def find_version() -> EnvironmentVersion:
    return EnvironmentVersion(environment=Environment(name=NAME), version=BUILT_IN)


def build_environment(workspace: Workspace) -> dict:
    """The environment of the instances of a workspace, with the number of the last rebuild."""
    return {**ENVIRONMENT, **rebuilds.build_mark(workspace, find_version())}


def build_spec(name: str, label: str, files: InstanceFiles) -> dict:
    """The spec of kept-up work (docs/compute.md, Kinds of work)."""
    workspace = files.workspace
    variables = {
        "JUPYTER_PATH": str(files.jupyter),
        "JUPYTER_CONFIG_PATH": str(files.jupyter),
        "SHELL": "/bin/bash",
        "CI_NAME": name,
        "CI_WORKSPACE": workspace.name,
        "CI_RESOURCE_GROUP": workspace.resource_group.name,
        "CI_LOCAL_UBUNTU_USER": "azureuser",
    }
    command = [
        *build_command(label),
        f"--ServerApp.root_dir={files.view}",
        f"--ServerApp.preferred_dir={files.view / files.name}",
    ]
    return {
        "name": f"compute instance {name}",
        "server_url": settings.PUBLIC_URL,
        "index_url": f"{settings.PUBLIC_URL}/pypi/simple/",
        "argv": command,
        "environment": build_environment(workspace),
        "environment_variables": variables,
        "folder": str(files.home),
        "readable": files.readable,
        "writable": [str(files.shared)],
        "listen": "unix",
        "health_path": "/api",
    }


@dataclasses.dataclass(frozen=True)
class KernelActivity:
    last: dt.datetime | None
    is_busy: bool


class ServerAway(Exception):
    """The Jupyter server does not answer."""


def send_request(address: str, token: str, method: str, path: str, body: dict | None = None):
    """Send a request to the Jupyter server and return its JSON. Raises ServerAway."""
    kind, _, where = address.partition(":")
    if kind != "unix":
        raise ServerAway(f"{address} is not a socket of this machine")
    connection = http.client.HTTPConnection("localhost", timeout=ANSWER_SECONDS)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(ANSWER_SECONDS)
            sock.connect(where)
            connection.sock = sock
            headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read(MAX_ANSWER)
            if answer.status >= 400:
                raise ServerAway(f"it answered {answer.status} to {path}")
            return json.loads(content)
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise ServerAway(str(error)) from error


def read_activity(address: str, token: str) -> KernelActivity:
    """The last activity, and whether a kernel is busy; open tabs do not count. Raises ServerAway."""
    status = send_request(address, token, "GET", "/api/status?no_track_activity=1")
    kernels = send_request(address, token, "GET", "/api/kernels?no_track_activity=1")
    terminals = send_request(address, token, "GET", "/api/terminals?no_track_activity=1")
    try:
        is_busy = any(kernel.get("execution_state") == "busy" for kernel in kernels)
        moments = [status.get("last_activity"), *(one.get("last_activity") for one in [*kernels, *terminals])]
        found = [parse_time(moment) for moment in moments if moment]
    except (AttributeError, TypeError, ValueError) as error:
        # The person of the instance may run another server in its place.
        raise ServerAway(f"its answer cannot be read: {error}") from error
    return KernelActivity(max(found, default=None), is_busy)


def open_terminal(address: str, token: str) -> str:
    """Open a new terminal and return its path."""
    made = send_request(address, token, "POST", "/api/terminals", {})
    if not isinstance(made, dict) or not isinstance(made.get("name"), str):
        raise ServerAway("it made no terminal")
    return f"/terminals/{made['name']}"
