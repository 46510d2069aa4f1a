"""An image with the Python and the shell of this machine, for tests of containers: no registry is needed."""

import os
import pathlib
import re
import shutil
import subprocess
import tarfile

from uv import find_uv_bin

NAME = "localhost/lazuli-example:1"
PROGRAMS = ("python3", "sh", "env", "rm", "cat", "sleep", "id", "ls")
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
SKIPPED = {"test", "idlelib", "tkinter", "ensurepip", "lib2to3", "__pycache__"}


def make_image(engine, folder: pathlib.Path) -> str:
    """Import it unless it is there; its name."""
    if engine.ask("image", "inspect", NAME).returncode:
        path = folder / "image.tar"
        with tarfile.open(path, "w") as archive:
            add_programs(archive)
        done = engine.ask("import", "--change", f"ENV PATH={PATH}", "--change", "ENV OF_IMAGE=yes", str(path), NAME)
        path.unlink()
        assert done.returncode == 0, done.stderr
    return NAME


def find_python() -> str | None:
    """The Python of the system, whose modules are at known places."""
    return shutil.which("python3", path="/usr/bin")


def add_programs(archive: tarfile.TarFile) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.islink(f"/{name}"):
            archive.add(f"/{name}", name)
    for name in ("tmp", "var/tmp", "etc", "proc", "sys", "dev", "run"):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
    python = os.path.realpath(find_python())
    library = f"/usr/lib/{os.path.basename(python)}"
    paths = {path for name in PROGRAMS for path in (shutil.which(name, path=PATH),) if path}
    modules = [str(path) for path in pathlib.Path(library, "lib-dynload").glob("*.so")]
    # uv needs those of the last, and has none of its own.
    libraries = {path for program in [*paths, *modules, find_uv_bin()] for path in list_libraries(program)}
    for path in sorted({*paths, python, *libraries}):
        # Folders such as /lib are links.
        inside = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        archive.add(os.path.realpath(path), inside.lstrip("/"))
    archive.add(
        library, library.lstrip("/"), filter=lambda entry: None if SKIPPED & {*entry.name.split("/")} else entry
    )


def list_libraries(program: str) -> list[str]:
    text = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(/\S+)", text)
