"""The studio's own Python packages, built in memory: the SDK from its installed source, and an empty wheel for each
`azureml-*` name and version, which depends on the SDK. So pins such as `azureml-defaults==1.34.0` resolve to our SDK.
"""

import base64
import configparser
import functools
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import pathlib
import re
import zipfile
from urllib.parse import urlsplit

from django.conf import settings

from assets.package_needs import EXTRAS, NEEDS, SDK, list_needs
from assets.package_versions import list_versions
from studio.errors import Invalid

AZ = "lazuli-az"
# The commands that come with a distribution.
COMMANDS = {AZ: "az = lazuli.cli:az_main", "azureml-inference-server-http": "azmlinfsrv = lazuli.scoring.__main__:main"}
# The SDK's requirement, and so that of every distribution that redirects to it.
REQUIRES_PYTHON = ">=3.8"
PYPI = "https://pypi.org/simple"
# The value of INDEX_URL where there is no other index.
NO_INDEX = "none"
# Wheels have the same bytes whenever they are built.
EPOCH = (1980, 1, 1, 0, 0, 0)
# Names that the index lists; it serves any other azureml-* name too.
LISTED = sorted(
    {
        *NEEDS,
        *(
            f"azureml-{word}"
            for word in [
                "accel-models",
                "cli-common",
                "contrib-fairness",
                "contrib-notebook",
                "contrib-pipeline-steps",
                "contrib-services",
                "core",
                "datadrift",
                "dataprep-native",
                "dataprep-rslex",
                "fsspec",
                "inference-server-http",
                "metrics",
                "mlflow",
                "model-management-sdk",
                "pipeline",
                "pipeline-core",
                "pipeline-steps",
                "responsibleai",
                "sdk",
                "telemetry",
                "tensorboard",
                "train",
                "train-core",
                "train-restclients-hyperdrive",
            ]
        ),
    }
)


def normalize_name(name: str) -> str:
    """The normalized name of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_own_package(name: str) -> bool:
    return name in (SDK, AZ) or name.startswith("azureml-")


def list_files(name: str) -> list[str]:
    """The wheels of one of our distributions, oldest first."""
    numbers = [sdk_version()] if name in (SDK, AZ) else list_versions(name)
    return [f"{name.replace('-', '_')}-{number}-py3-none-any.whl" for number in numbers]


@functools.lru_cache(maxsize=256)
def build_wheel(filename: str) -> bytes:
    name, version = _split_filename(filename)
    if name == SDK:
        return _sdk_wheel(version)
    scripts = f"[console_scripts]\n{COMMANDS[name]}\n" if name in COMMANDS else ""
    return _pack_wheel(name, version, build_metadata(filename), scripts, {})


def build_metadata(filename: str) -> str:
    """The wheel's METADATA, so that resolvers need not download the wheel (PEP 658)."""
    name, version = _split_filename(filename)
    if name == SDK:
        return importlib.metadata.distribution(SDK).read_text("METADATA") or ""
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        f"Summary: A placeholder for {name}, which {SDK} contains.",
        "License: MIT",
        f"Requires-Python: {REQUIRES_PYTHON}",
        *(f"Requires-Dist: {need}" for need in (list_needs(name, version) if name != AZ else [SDK])),
    ]
    for extra, needs in EXTRAS.items() if name != AZ else ():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {need} ; extra == "{extra}"' for need in needs]
    return "\n".join(lines) + "\n"


def sdk_version() -> str:
    return importlib.metadata.version(SDK)


def _split_filename(filename: str) -> tuple[str, str]:
    """Name and version of one of our wheels; Invalid for any other file."""
    found = re.fullmatch(r"([a-z0-9_]+)-([0-9][0-9a-z.]*)-py3-none-any\.whl", filename)
    name = normalize_name(found[1]) if found else ""
    if not found or not is_own_package(name) or filename not in _files_of(name):
        raise Invalid(f"This index has no file {filename}.", code="ResourceNotFound")
    return name, found[2]


@functools.lru_cache(maxsize=64)
def _files_of(name: str) -> frozenset[str]:
    return frozenset(list_files(name))


def _sdk_wheel(version: str) -> bytes:
    source = pathlib.Path(str(importlib.util.find_spec("lazuli").origin)).parent.parent  # type: ignore[union-attr]  # It is installed.
    content = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for package in ("azureml", "azureml_inference_server_http", "lazuli")
        for path in sorted((source / package).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }
    scripts = importlib.metadata.distribution(SDK).read_text("entry_points.txt") or ""
    return _pack_wheel(SDK, version, build_metadata(list_files(SDK)[0]), scripts, content)


def _pack_wheel(name: str, version: str, metadata_text: str, scripts: str, content: dict[str, bytes]) -> bytes:
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    tags = "Wheel-Version: 1.0\nGenerator: lazuli-studio\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = {**content, f"{info}/METADATA": metadata_text.encode(), f"{info}/WHEEL": tags.encode()}
    if scripts:
        content[f"{info}/entry_points.txt"] = scripts.encode()
    record = [f"{path},sha256={_record_hash(data)},{len(data)}" for path, data in content.items()]
    content[f"{info}/RECORD"] = ("\n".join([*record, f"{info}/RECORD,,"]) + "\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


# The index to which all other names are redirected.


def upstream_index() -> str:
    """The index that this host uses, without a trailing slash: INDEX_URL, uv's, pip's, or PyPI; empty for `none`."""
    own = (settings.PUBLIC_URL, f"http://127.0.0.1:{settings.PORT}/", f"http://localhost:{settings.PORT}/")
    if os.environ.get("INDEX_URL", "").strip() == NO_INDEX:
        return ""
    named = [os.environ.get(name, "") for name in ("INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")]
    for url in [*named, *_pip_config()]:
        # uv allows a name before the address: `internal=https://…`.
        url = re.sub(r"^[\w-]+=(?=https?:)", "", url.strip())
        if url.startswith(("http:", "https:")) and not url.startswith(own):
            return _without_password(url).rstrip("/")
    return PYPI


def _without_password(url: str) -> str:
    """The URL is given to everybody, so a password in it is removed (clients use their own netrc)."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]).geturl()


@functools.cache
def _pip_config() -> list[str]:
    home = pathlib.Path.home()
    own = os.environ.get("PIP_CONFIG_FILE", "")
    configs = [f"{home}/.config/pip/pip.conf", f"{home}/.pip/pip.conf", "/etc/xdg/pip/pip.conf", "/etc/pip.conf"]
    parser = configparser.RawConfigParser(strict=False)
    found = []
    for config in [own, *configs] if own else configs:
        parser.clear()
        try:
            parser.read(config)
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself reports the error to its user; here the next file is tried.
        found.append(parser.get("global", "index-url", fallback=""))
    return found
