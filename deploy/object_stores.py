"""Temporary object stores for tests: S3 by moto, Azure Blob by Azurite. They are installed below .cache at first."""

import base64
import contextlib
import datetime as dt
import hashlib
import hmac
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

CACHE = pathlib.Path(__file__).resolve().parent.parent / ".cache"
MOTO, AZURITE = "moto[server,s3]==5.2.5", "azurite@3.37.0"
# The account that Azurite knows, with its public key.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
BUCKET = "tests"
START_SECONDS = 60


@contextlib.contextmanager
def s3_store():
    """Yields the variables for a studio whose files are in a bucket."""
    program = CACHE / "moto" / "bin" / "moto_server"
    if not program.exists():
        print("Installing moto …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "moto")], check=True)
        subprocess.run([str(program.with_name("pip")), "install", "-q", MOTO], check=True)
    port = find_free_port()
    with running([str(program), "-H", "127.0.0.1", "-p", str(port)]):
        url = f"http://127.0.0.1:{port}"
        put(f"{url}/{BUCKET}", {})
        yield {
            "STORAGE_URL": f"s3://{BUCKET}/studio",
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }


@contextlib.contextmanager
def azure_store():
    """Yields the variables for a studio whose files are in a container of Azure Blob."""
    folder = CACHE / "azurite"
    program = folder / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        if not shutil.which("npm"):
            sys.exit("Azurite needs npm. Debian: apt-get install npm")
        print("Installing Azurite …", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), AZURITE]
        subprocess.run(command, check=True)
    port = find_free_port()
    flags = ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with running([str(program), *flags, "--inMemoryPersistence", "--silent", "--skipApiVersionCheck"]):
        url = f"http://127.0.0.1:{port}"
        put(f"{url}/{ACCOUNT}/{BUCKET}?restype=container", sign_container())
        yield {
            "STORAGE_URL": f"az://{BUCKET}/studio",
            "AZURITE_BLOB_STORAGE_URL": url,
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        }


STORES = {"s3": s3_store, "az": azure_store}


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str]):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        yield
    finally:
        # Azurite waits for open connections at its end.
        process.kill()
        process.wait()


def sign_container() -> dict[str, str]:
    """The headers of a request that creates the container, signed with the key of the account."""
    dated = {"x-ms-date": dt.datetime.now(dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), "x-ms-version": "2021-08-06"}
    headers = "\n".join(f"{name}:{value}" for name, value in dated.items())
    text = "PUT" + "\n" * 12 + f"{headers}\n/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    return {**dated, "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"}


def put(url: str, headers: dict[str, str]) -> None:
    """Send an empty PUT as soon as the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        request = urllib.request.Request(url, headers={**headers, "Content-Length": "0"}, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except urllib.error.HTTPError as error:
            sys.exit(f"The store refused {url}: {error.read().decode(errors='replace')[:300]}")
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"The store did not start: {error}")
            time.sleep(0.2)
