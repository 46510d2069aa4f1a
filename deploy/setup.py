"""Bring `.venv` up to date with uv.lock, with nothing but Python 3.11 or newer and a network.

    python3 deploy/setup.py [GROUP…]     the locked packages, and those of dependency groups such as `dev`

Debian ships Python without ensurepip, sometimes without pip; so the environment is created without pip, and `uv` comes
from the system, from pip, or from its URL and hash in uv.lock.
"""

import hashlib
import io
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON, UV = VENV / "bin" / "python", VENV / "bin" / "uv"


def main(groups: list[str]) -> None:
    if not PYTHON.exists():
        print(f"Making .venv with Python {platform.python_version()} …", flush=True)
        run(sys.executable, "-m", "venv", "--without-pip", "--clear", VENV)
    locked = locked_uv()
    if not UV.exists() or version_of(UV) != locked["version"]:
        fetch_uv(locked)
    print("Installing the locked packages …", flush=True)
    chosen = [part for group in groups for part in ("--group", group)]
    # Inexact: a second call with fewer groups removes nothing.
    run(UV, "sync", "--quiet", "--frozen", "--inexact", "--compile-bytecode", "--python", PYTHON, *chosen)
    for group in ["", *groups]:
        (VENV / f".synced{group and '-' + group}").touch()


def run(*command) -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    ended = subprocess.run([str(part) for part in command], cwd=ROOT, env={**env, "UV_LINK_MODE": link_mode()})
    if ended.returncode:
        sys.exit(f"set-up: `{' '.join(map(str, command))}` failed; the lines above say why.")


def link_mode() -> str:
    return os.environ.get("UV_LINK_MODE", "clone" if sys.platform == "darwin" else "hardlink")


def version_of(uv) -> str:
    words = subprocess.run([str(uv), "--version"], capture_output=True, text=True).stdout.split()
    return words[1] if len(words) > 1 else ""


def locked_uv() -> dict:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return next(package for package in packages if package["name"] == "uv")


def fetch_uv(locked: dict) -> None:
    wanted = f"uv=={locked['version']}"
    print(f"Fetching {wanted} …", flush=True)
    ways = []
    if shutil.which("uv"):
        ways.append(["uv", "pip", "install", "--quiet", "--python", PYTHON, wanted])
    ways.append([sys.executable, "-m", "pip", "--quiet", "--python", PYTHON, "install", wanted])
    for way in ways:
        done = subprocess.run([str(part) for part in way], capture_output=True, text=True)
        if not done.returncode and UV.exists():
            return
    download_uv(locked)


def download_uv(locked: dict) -> None:
    """Straight from its address in the lock, checked by its hash; for a Python that came without pip."""
    wheel = next((wheel for wheel in locked["wheels"] if fits(wheel["url"])), None)
    if wheel is None:
        sys.exit(f"set-up: no uv for {sysconfig.get_platform()}. Install uv (or pip) yourself, then start again.")
    try:
        data = urllib.request.urlopen(wheel["url"], timeout=120).read()
    except OSError as error:
        sys.exit(
            f"set-up: cannot fetch {wheel['url']} ({error}). Install pip (Debian: python3-pip) or uv, then start again."
        )
    if "sha256:" + hashlib.sha256(data).hexdigest() != wheel["hash"]:
        sys.exit(f"set-up: {wheel['url']} is not the file that uv.lock names; try again on another network.")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        UV.write_bytes(archive.read(name))
    UV.chmod(0o755)


def fits(url: str) -> bool:
    """Does the wheel's platform tag name this machine?"""
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    tag = url.rsplit("-", 1)[-1]
    if sys.platform == "darwin":
        return "macosx" in tag and (platform.machine() in tag)
    musl = "musl" in (sysconfig.get_config_var("SOABI") or "")
    return ("musllinux" if musl else "manylinux") in tag and machine in tag


if __name__ == "__main__":
    main(sys.argv[1:])
