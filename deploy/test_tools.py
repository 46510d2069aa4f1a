"""Tools of the tests besides Python packages: Chromium, an SSH server, podman, and Node with the packages of package-lock.json
(axe-core, eslint).

They are installed if possible; otherwise a message says what to install. `python deploy/test_tools.py node` installs
Node alone.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Chromium without its windows: the same pages for two thirds of the processor time; Debian has it.
HEADLESS_SHELL = "chromium-headless-shell"
BROWSERS = (HEADLESS_SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# The first version that eslint runs on; Debian has it from 13 on.
OLDEST_NODE = (20, 19)
# The file that npm writes after installing everything.
INSTALLED = ROOT / "node_modules" / ".package-lock.json"


def main(wanted: list[str]) -> None:
    if not wanted and not shutil.which(HEADLESS_SHELL):
        install_chromium()
    if not wanted and not find_sshd() and not os.path.isdir("/run/systemd/system"):
        # For the tests of attached machines. A system with systemd would start it as a service, which nobody asked for.
        install_from_debian("openssh-server")
    if not wanted and not shutil.which("podman"):
        # For the tests of containers, which need no registry.
        install_from_debian("podman", "runc")
    if node_version() < OLDEST_NODE or not shutil.which("npm"):
        install_node()
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < (ROOT / "package-lock.json").stat().st_mtime:
        install_packages()


def find_browser() -> str | None:
    """The path of the browser for tests, measurements and pictures: CHROMIUM, or what is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def find_sshd() -> str | None:
    return shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")


def node_version() -> tuple[int, ...]:
    """(0,) if there is none."""
    if not shutil.which("node"):
        return (0,)
    text = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    return tuple(int(part) for part in text.strip().removeprefix("v").split(".")[:2] if part.isdecimal()) or (0,)


def install_from_debian(*packages: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"Installing {' and '.join(packages)} …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=quiet, check=False)


def install_chromium() -> None:
    install_from_debian(HEADLESS_SHELL)
    if not find_browser():
        install_from_debian("chromium")
    if not find_browser():
        sys.exit("The browser tests need Chromium or Chrome on PATH. Debian: apt-get install chromium")


def install_node() -> None:
    install_from_debian("nodejs", "npm")
    if node_version() < OLDEST_NODE or not shutil.which("npm"):
        oldest = ".".join(map(str, OLDEST_NODE))
        sys.exit(
            f"The tests of the JavaScript need Node {oldest} or newer and npm on PATH. Debian 13: apt-get install nodejs npm"
        )


def install_packages() -> None:
    print("Installing the packages of package-lock.json …", flush=True)
    done = subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=ROOT)
    if done.returncode:
        sys.exit("`npm ci` failed; the lines above say why.")
    INSTALLED.touch()


if __name__ == "__main__":
    main(sys.argv[1:])
