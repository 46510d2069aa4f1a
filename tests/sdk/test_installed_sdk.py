"""Whether an interpreter has the SDK is asked once, and again when its packages have changed."""

import subprocess
import sys
import venv

from lazuli.runner import installed_sdk


def test_an_interpreter_is_asked_again_when_its_packages_have_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("LAZULI_ENV_CACHE", str(tmp_path / "cache"))
    venv.create(tmp_path / "own", symlinks=True)
    python, calls, run = str(tmp_path / "own" / "bin" / "python"), [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: calls.append(1) or run(*args, **options))
    assert [installed_sdk.has_sdk(python) for _ in range(3)] == [False] * 3 and len(calls) == 1
    (packages,) = (tmp_path / "own" / "lib").glob("*/site-packages")
    (packages / "all.pth").write_text("\n".join(path for path in sys.path if path))
    assert [installed_sdk.has_sdk(python) for _ in range(3)] == [True] * 3 and len(calls) == 2
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    wrapper.chmod(0o755)
    assert [installed_sdk.has_sdk(str(wrapper)) for _ in range(2)] == [True] * 2 and len(calls) == 4
