"""Checks for an administrator when something is wrong, one line each. `manage.py doctor` prints them.

An app adds its own check to `APP_CHECKS` of studio/findings.py when it is ready.
"""

import os
import pathlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from lazuli import private_folder

from studio import database_history, hosts, machine_checks, network_checks, redis_server, storage
from studio.findings import APP_CHECKS, Finding, fail, passed, warn

MIN_FREE_MB, LOW_FREE_MB = 100, 2000
MIN_KEY_LENGTH = 40


def check_data_folder() -> Finding:
    what, folder = "data folder", pathlib.Path(settings.DATA_DIR)
    problem = private_folder.problem_with(folder)
    if problem:
        text, _, remedy = problem.partition(" Type: ")
        return Finding(what, "fail", text, f"Type: {remedy}" if remedy else "")
    if not os.access(folder, os.W_OK):
        return Finding(what, "fail", f"{folder} cannot be written.", "Run as the studio's account, or set DATA_DIR.")
    return passed(what, f"{folder} is readable by this account alone.")


def check_disk_space() -> Finding:
    free = shutil.disk_usage(settings.DATA_DIR).free // 1024**2
    text = f"{free} MB are free on the disk of {settings.DATA_DIR}."
    remedy = "Empty the trash, or move DATA_DIR and STORAGE_URL to a larger disk."
    state = "fail" if free < MIN_FREE_MB else "warn" if free < LOW_FREE_MB else "ok"
    return Finding("disk space", state, text, remedy if state != "ok" else "")


def check_database() -> Finding:
    what = "database"
    try:
        if problem := database_history.problem_with(connection):
            return Finding(what, "fail", problem)
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Finding(what, "fail", f"It does not answer: {error}", "Start it, or correct DATABASE_URL.")
    if missing:
        text = f"{len(missing)} migrations are not applied."
        return Finding(what, "fail", text, "Start the studio once with `make up`, or type: manage.py migrate")
    return passed(what, f"{connection.vendor} answers and is up to date.")


def check_redis() -> Finding:
    problem = redis_server.problem_with(settings.REDIS_URL)
    if problem:
        return Finding("Redis", "fail", problem, "`make up` starts one; to use another, set REDIS_URL.")
    warning = redis_server.warning_about(settings.REDIS_URL)
    return Finding("Redis", "warn", warning) if warning else passed("Redis", "It answers.")


def check_storage() -> Finding:
    """Writes, reads and deletes a file like those of runs."""
    what, key = "storage", storage.make_key("doctor")
    where = settings.STORAGE_URL.rpartition("@")[2]
    try:
        storage.put_bytes(key, b"doctor")
        same = storage.get_range(key, 0, 6) == b"doctor"
        storage.delete_keys([key])
    except (storage.Error, OSError, ValueError) as error:
        return Finding(what, "fail", f"{where} cannot store files: {error}", "Correct STORAGE_URL or its credentials.")
    if not same:
        return Finding(
            what,
            "fail",
            f"{where} returned different bytes from those that were stored.",
            "Look at its disk or service.",
        )
    if storage.is_reserve_reached():
        min_mb = settings.DISK_RESERVE_BYTES // 1024**2
        text = f"Its disk is nearly full: files are refused until {min_mb} MB (DISK_RESERVE_MB) are free."
        return Finding(what, "fail", text, "Empty the trash, or move it to a larger disk.")
    return passed(what, f"{where} can be written and read.")


def check_secret_key() -> Finding:
    what = "secret key"
    if len(settings.SECRET_KEY) < MIN_KEY_LENGTH:
        text = f"SECRET_KEY has {len(settings.SECRET_KEY)} characters and could be guessed."
        return Finding(what, "fail", text, "Remove it, and the next start creates one; or write 50 random characters.")
    return passed(what, "It is long enough, and only this account can read it.")


def check_host_names() -> Finding:
    what = "host names"
    if "*" in settings.ALLOWED_HOSTS:
        return warn(what, "The studio accepts every host name.", "Write the names, not *, in ALLOWED_HOSTS.")
    return passed(what, f"{len(settings.ALLOWED_HOSTS)} are accepted.")


def check_encryption() -> Finding:
    what = "encryption"
    if hosts.is_loopback(settings.PUBLIC_HOST):
        return passed(what, "Only this machine uses the studio.")
    if not settings.HTTPS:
        text = f"Passwords and tokens go to {settings.PUBLIC_URL} unencrypted."
        return warn(what, text, "Put a proxy with TLS in front of it, and set PUBLIC_URL=https://…")
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        return fail(what, "Cookies are also sent without TLS.", "Set PUBLIC_URL=https://… and restart the studio.")
    return passed(what, "PUBLIC_URL uses TLS, and cookies are sent by it alone.")


def check_addresses() -> Finding:
    what = "addresses"
    if not hosts.is_loopback(settings.PUBLIC_HOST) and not settings.TRUSTED_PROXIES:
        text = "Everyone behind a proxy counts as one address and shares its limits."
        return warn(what, text, "If there is a proxy, name it in TRUSTED_PROXIES.")
    if not hosts.is_loopback(settings.HOST) and hosts.is_loopback(settings.PUBLIC_HOST):
        text = f"Others reach the studio at {settings.HOST}, but links lead to {settings.PUBLIC_URL}."
        return warn(what, text, "Set PUBLIC_URL to the address that people use.")
    return passed(what, f"People use {settings.PUBLIC_URL}.")


def check_debugging() -> Finding:
    if settings.DEBUG:
        return Finding("debugging", "fail", "Error pages show code and settings.", "Remove DEBUG.")
    return passed("debugging", "It is off.")


CHECKS: list[Callable[[], Finding]] = [
    check_data_folder,
    check_disk_space,
    check_secret_key,
    check_host_names,
    check_encryption,
    check_addresses,
    check_debugging,
    check_database,
    check_redis,
    check_storage,
    *machine_checks.CHECKS,
]


def run_checks() -> list[Finding]:
    """All findings; those of the network are made meanwhile, in threads."""
    with ThreadPoolExecutor() as pool:
        of_network = [pool.submit(check) for check in network_checks.CHECKS]
        found = [_run_check(check) for check in [*CHECKS, *APP_CHECKS]]
        return [*found, *(one.result() for one in of_network)]


def _run_check(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except DatabaseError as error:
        what = check.__name__.removeprefix("check_").replace("_", " ")
        return warn(what, f"It is not checked, because the database does not answer: {error}", "Start the database.")
