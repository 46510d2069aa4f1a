"""Attaches machines by SSH, in the control worker: `lazuli host join-by-ssh` with a credential of the key vault."""

import logging
import os
import tempfile
from pathlib import Path

from django.conf import settings
from lazuli import ssh_joining

from compute.models import JoinToken, SshAttachment
from studio.errors import StudioError

logger = logging.getLogger(__name__)
PRINT_PASSWORD = """#!/bin/sh
exec cat "$(dirname "$0")/credential"
"""


def attach_waiting() -> None:
    """Attach the machines that wait, one after the other."""
    SshAttachment.forget_old()
    while row := SshAttachment.claim():
        try:
            _attach(row)
        except ssh_joining.StepFailed as error:
            row.fail(error.message)
        except StudioError as error:
            row.fail(error.message)
        except OSError as error:
            logger.exception("%s could not be attached", row)
            row.fail(f"{type(error).__name__}: {error}")


def _attach(row: SshAttachment) -> None:
    if not (row.created_by.is_active and row.actor.is_site_admin):
        row.fail(f"{row.created_by} is no longer a site admin. Remove this machine, and attach it yourself.")
        return
    machine = ssh_joining.Machine(str(row), row.port, host_key=row.host_key, is_alone=True)
    if not row.host_key:
        row.ask_for_confirmation(ssh_joining.read_host_key(machine, row.report))
        return
    with tempfile.TemporaryDirectory() as folder:
        _use_credential(machine, row.read_credential(), folder)
        token, secret = JoinToken.create_with_secret(row.created_by)
        try:
            ssh_joining.join_by_ssh(machine, settings.PUBLIC_URL, secret, row.name, row.report)
        finally:
            JoinToken.objects.filter(pk=token.pk, used_at=None).delete()
    token.refresh_from_db()
    row.finish(token.host)


def _use_credential(machine: ssh_joining.Machine, credential: str, folder: str) -> None:
    """Write a private key or password where only this account can read it, while ssh needs it."""
    path, is_key = Path(folder, "credential"), credential.lstrip().startswith("-----BEGIN ")
    text = credential.replace("\r\n", "\n").strip() + "\n" if is_key else credential
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    if not is_key:
        program = Path(folder, "print-password")
        program.write_text(PRINT_PASSWORD, encoding="utf-8")
        program.chmod(0o700)
        machine.askpass = str(program)
        return
    machine.identity = str(path)
    ssh_joining.check_key(machine.identity)
