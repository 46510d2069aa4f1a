"""The unmodified azure-ai-ml client against a real studio behind HTTPS: an online endpoint from its first call to its last."""

import contextlib
import datetime as dt
import fcntl
import ipaddress
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from azureml.core import Environment, Workspace
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.up.running import ROOT, Studio

pytestmark = [pytest.mark.azure_ml, pytest.mark.stack, pytest.mark.timeout(600)]
CLIENT = ["azure-ai-ml==1.35.2", "azure-identity==1.27.0"]


def install_client() -> pathlib.Path:
    """The Python of an environment with the client, made once and kept."""
    folder = ROOT / ".cache" / "azure-ai-ml"
    folder.parent.mkdir(exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
            subprocess.run([*uv, "pip", "install", "-q", "-p", folder / "bin" / "python", *CLIENT], check=True)
            (folder / "ready").touch()
    return folder / "bin" / "python"


def make_certificate(folder: pathlib.Path) -> pathlib.Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = (
        built.not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), False)
    )
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Terminator(threading.Thread):
    """Takes HTTPS connections and passes on what is in them, as a proxy of the operator does."""

    def __init__(self, listener: socket.socket, certificate: pathlib.Path):
        super().__init__(daemon=True)
        self.listener, self.target = listener, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with (
            contextlib.suppress(OSError, ssl.SSLError),
            self.context.wrap_socket(connection, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", self.target)) as inside,
        ):
            back = threading.Thread(target=forward, args=(inside, outside), daemon=True)
            back.start()
            forward(outside, inside)
            back.join()


@pytest.fixture
def studio(tmp_path):
    certificate, listener = make_certificate(tmp_path), socket.create_server(("127.0.0.1", 0))
    outside = f"https://localhost:{listener.getsockname()[1]}"
    studio = Studio(tmp_path, PUBLIC_URL=outside, SSL_CERT_FILE=str(certificate)).with_tables()
    terminator = Terminator(listener, certificate)
    terminator.target = studio.port
    terminator.start()
    studio.outside, studio.certificate = outside, certificate
    yield studio.start()
    studio.end()


def test_an_online_endpoint_is_made_called_and_deleted(studio, tmp_path, monkeypatch):
    token = studio.manage("token", "azure")
    monkeypatch.setenv("LAZULI_URL", studio.url)
    monkeypatch.setenv("LAZULI_TOKEN", token)
    ws = Workspace.from_config(str(studio.data / "config.json"))
    environment = Environment("present-python")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    environment.register(ws)
    variables = {
        "LAZULI_TOKEN": token,
        "ARM_CLOUD_METADATA_URL": f"{studio.outside}/metadata/endpoints?api-version=2019-05-01",
        "REQUESTS_CA_BUNDLE": str(studio.certificate),
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    script = pathlib.Path(__file__).with_name("azure_ml_script.py")
    command = [install_client(), script, ws.subscription_id, ws.resource_group, ws.name]
    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-5000:] + studio.text()[-2000:]
    # The client prints dots while it waits.
    seen = json.loads(done.stdout.rpartition("RESULT")[2])
    assert seen["made"] == ["live", "Succeeded", "key", {"a": "b"}]
    assert seen["blue"] == ["blue", "Succeeded", 1, 5000]
    assert seen["traffic"] == [{"blue": 100}, {"green": 50}]
    assert seen["answers"] == [{"level": "one", "sum": 3}, {"level": "two", "sum": 3}]
    assert "ValueError: no weights" in seen["failure"]
    assert "the level is one" in seen["log"] and "instanceType has no effect" in seen["log"]
    model, log = seen["model"]
    assert "/models/" in model and "model file: weights/weights.txt" in log, seen["model"]
    assets = seen["assets"]
    assert assets["data"] == ["sent", "1", "uri_folder", True] and assets["versions"] == ["1"]
    assert assets["model"] == ["sent", "1", "custom_model", {"a": "b"}]
    assert assets["files"] == ["a.csv", "b.csv", "large.bin"] and assets["same"]
    assert {"workspaceblobstore", "workspacefilestore"} <= set(assets["stores"])
    assert assets["default"] == "workspaceblobstore" and assets["archived"] == []
    assert seen["key"] and seen["names"] == [["blue", "green", "red"], ["live"]]
    assert seen["environment"] == "1" and seen["left"] == []
