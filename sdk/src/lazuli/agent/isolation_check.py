"""Test the isolation of scripts on this machine at the start of the host agent."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from lazuli import isolation

# What a script must not do; each prints its name if it can.
ATTEMPTS = """
import json, os, sys
secret, agent, found = sys.argv[1], os.getppid(), []
def attempt(what, act):
    try:
        act()
    except OSError:
        return
    found.append(what)
attempt("read the studio's data folder", lambda: open(secret).read())
attempt("write to the studio's data folder", lambda: open(secret + ".new", "w"))
attempt("read the variables of the host agent", lambda: open(f"/proc/{agent}/environ", "rb").read())
attempt("read the memory of the host agent", lambda: open(f"/proc/{agent}/mem", "rb"))
attempt("end the studio's processes", lambda: os.kill(agent, 0))
print(json.dumps(found))
"""
SECONDS = 20.0


def find_isolation_problem(environ: Mapping[str, str], data_dir: pathlib.Path) -> str:
    """Find missing isolation of scripts on this machine, as a sentence with the reason; otherwise empty."""
    try:
        if isolation.read_mode(environ) == "off":
            return "Scripts can read the studio's data folder and each other's files: NODE_ISOLATION is off."
        found = _try_as_script(data_dir)
    except isolation.NotIsolated as error:
        return f"Scripts can read the studio's data folder and each other's files: {error}."
    return f"Scripts can {', '.join(found)}." if found else ""


def _try_as_script(data_dir: pathlib.Path) -> list[str]:
    parent = data_dir / "nodes"
    parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="isolation-", dir=parent)
    try:
        secret = os.path.join(folder, "secret")
        pathlib.Path(secret).write_text("a file that scripts must not read")
        fence = isolation.make_fence([str(data_dir)], [], [])
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", ATTEMPTS, secret],
                preexec_fn=fence.enter,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=True,
            )
        finally:
            fence.close()
        return [str(each) for each in json.loads(done.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise isolation.NotIsolated(f"the check failed ({error})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
