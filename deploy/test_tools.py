"""What the browser tests need beside Python packages: Chromium and axe-core. Installed where that can be done, else said."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
AXE = ROOT / ".cache" / "axe" / "axe.min.js"
AXE_VERSION = "4.14.1"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def main() -> None:
    if not any(map(shutil.which, BROWSERS)):
        install_chromium()
    if not AXE.exists():
        fetch_axe()


def install_chromium() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium …", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], env=quiet, check=False
        )
    if not any(map(shutil.which, BROWSERS)):
        sys.exit("The browser tests need Chromium or Chrome on PATH. Debian: apt-get install chromium")


def fetch_axe() -> None:
    if not shutil.which("npm"):
        sys.exit(
            f"The accessibility tests need axe-core: install npm, or put axe-core {AXE_VERSION}'s axe.min.js at {AXE}"
        )
    print(f"Fetching axe-core {AXE_VERSION} …", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["npm", "install", "--silent", "--no-save", f"axe-core@{AXE_VERSION}"], cwd=folder)
        if done.returncode:
            sys.exit(f"npm could not fetch axe-core {AXE_VERSION}; the lines above say why.")
        AXE.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(folder, "node_modules/axe-core/axe.min.js"), AXE)


if __name__ == "__main__":
    main()
