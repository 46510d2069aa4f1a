"""A real SSH server of this account on a port of its own, with its own host key, and the keys that people have."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
# The client that signs in as somebody else needs root.
IS_MISSING = SSHD is None or os.geteuid() != 0


class SshServer:
    """`home` is the home folder of root there; `path` the folders of its programs; `more` are settings of sshd.

    The key `person` is accepted, and PASSWORD.
    """

    PASSWORD = "a long password of root"

    def __init__(self, folder: pathlib.Path, home: pathlib.Path, path: str = os.environ["PATH"], **more: str):
        self.folder = folder
        for name in ("host", "person", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        settings = {
            "ListenAddress": "127.0.0.1",
            "Port": self.port,
            "HostKey": folder / "host",
            "AuthorizedKeysFile": folder / "person.pub",
            "PasswordAuthentication": "yes",
            "PermitRootLogin": "yes",
            "StrictModes": "no",
            "UsePAM": "no",
            "PidFile": "none",
            "SetEnv": f"HOME={home} PATH={path}",
            **more,
        }
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        # Only this server sees the password, in its own mount namespace.
        shadow = folder / "shadow"
        digest = subprocess.run(["openssl", "passwd", "-6", self.PASSWORD], capture_output=True, text=True, check=True)
        shadow.write_text(f"root:{digest.stdout.strip()}:19000:0:99999:7:::\n")
        alone = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/shadow && exec "$@"', shadow]
        command = [*alone, SSHD, "-D", "-e", "-f", "/dev/null", *options]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while self._is_silent() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _is_silent(self) -> bool:
        with socket.socket() as probe:
            return bool(probe.connect_ex(("127.0.0.1", self.port)))

    def read_fingerprint(self) -> str:
        command = ["ssh-keygen", "-lf", self.folder / "host.pub"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
