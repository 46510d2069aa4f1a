"""Create the table of conda's names of Python packages: `.venv/bin/python deploy/make_conda_names.py`.

Its sources are conda's public mapping, in the package conda-pypi, and deploy/conda_names_added.txt.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = "conda-pypi==0.13.1"
MAPPING, LICENSE = "conda_pypi/grayskull_pypi_mapping.json", "conda_pypi-*.dist-info/licenses/LICENSE"
ADDED = pathlib.Path(__file__).with_name("conda_names_added.txt")
TABLE = pathlib.Path(__file__).parents[1] / "sdk" / "src" / "lazuli" / "environments" / "conda_names.txt"
HEAD = f"""\
Conda's names of Python packages, made by deploy/make_conda_names.py; do not edit.
A line is conda's name, and the name on a Python package index if it differs.
From {SOURCE} (the mapping that conda-forge's bot publishes), under this licence, and from deploy/conda_names_added.txt:

"""
# Names that the bot made of a file's hash.
HASH = re.compile(r"[0-9a-f]{50,}")
# On a Python package index these names belong to somebody else, whom a conda file does not mean, or the mapping
# gives them another package than conda's.
FOREIGN = {"azureml", "omnisci-pytools", "unrar"}


def main() -> None:
    mapping, license_text = read_source()
    names = {row["conda_name"]: row["pypi_name"] for row in mapping if not HASH.fullmatch(row["pypi_name"])}
    names |= read_added()
    table = {normalize(conda): normalize(index) for conda, index in names.items() if normalize(conda) not in FOREIGN}
    lines = [conda if conda == index else f"{conda} {index}" for conda, index in sorted(table.items())]
    head = "".join(f"# {line}".rstrip() + "\n" for line in (HEAD + license_text).splitlines())
    TABLE.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{TABLE}: {len(lines)} names, {TABLE.stat().st_size:,} bytes")


def read_source() -> tuple[list[dict], str]:
    uv = pathlib.Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", "--target", folder, SOURCE], check=True)
        license_file = next(pathlib.Path(folder).glob(LICENSE))
        mapping = json.loads(pathlib.Path(folder, MAPPING).read_text(encoding="utf-8"))
        return list(mapping.values()), license_file.read_text(encoding="utf-8")


def read_added() -> dict[str, str]:
    lines = ADDED.read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    return {word.partition("=")[0]: word.partition("=")[2] or word for word in words}


def normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
