"""Join a further machine to a studio over SSH: checks step by step, and changes nothing there before all have passed.

It uses the program `ssh` with the account's own keys, agent and configuration, or with the given key or password alone, and
a host key that is known already or that the caller names: no key is accepted unseen.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
import socket
import subprocess
import tempfile
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from lazuli.errors import UserErrorException

CONNECT_SECONDS = 10
CHECK_SECONDS, INSTALL_SECONDS = 60, 900
MIN_FREE_GB = 2.0
# One attempt, because many servers lock an account out after some.
PASSWORD_ALONE = [
    "BatchMode=no",
    "NumberOfPasswordPrompts=1",
    "PubkeyAuthentication=no",
    "PreferredAuthentications=password,keyboard-interactive",
]
# What ssh says of a server that gives up before it has shown its key.
_NO_HANDSHAKE = re.compile(r"banner exchange|kex_exchange_identification|Connection (?:closed|reset|timed out)")
SILENT = "lazuli-shell-is-silent"
# Where the agent is installed; its state and its jobs are in `~/lazuli-host`.
PROGRAM = "$HOME/.local/share/lazuli-host"
FIND_PYTHON = (
    "for each in python3.13 python3.12 python3.11 python3.10 python3; do "
    "if \"$each\" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; "
    'then command -v "$each"; exit; fi; done; exit 1'
)
REACH = (
    "import sys, urllib.error, urllib.request\n"
    "opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n"
    "try: opener.open(sys.argv[1] + '/favicon.ico', timeout=20)\n"
    "except urllib.error.HTTPError: pass\n"
    "except OSError as error: sys.exit(str(error))\n"
)
UNIT = """[Unit]
Description=Lazuli Studio host agent
[Service]
ExecStart=%h/.local/share/lazuli-host/bin/lazuli host start
Restart=always
[Install]
WantedBy=default.target
"""
# A service of the account where there is one that outlives the sign-in, else a process until the machine stops.
START = f"""
mkdir -p "$HOME/.config/systemd/user" "$HOME/lazuli-host"
if loginctl enable-linger 2>/dev/null && systemctl --user show-environment >/dev/null 2>&1; then
    printf %s {shlex.quote(UNIT)} > "$HOME/.config/systemd/user/lazuli-host.service"
    systemctl --user daemon-reload && systemctl --user enable --now lazuli-host.service && echo service
else
    setsid nohup "{PROGRAM}/bin/lazuli" host start >> "$HOME/lazuli-host/agent.log" 2>&1 < /dev/null &
    echo process
fi
"""


class StepFailed(UserErrorException):
    """A step did not succeed; the message names it and says what to do."""


@dataclasses.dataclass
class Machine:
    """A machine as `ssh` reaches it. `host_key` is the fingerprint that its key must have, if it is not known yet.

    `is_alone`: without the configuration, keys and agent of this account. `askpass` is a program that prints the password.
    """

    target: str
    port: Optional[int] = None
    identity: str = ""
    host_key: str = ""
    known_hosts: str = ""
    is_alone: bool = False
    askpass: str = ""

    def run(self, script: str, given: str = "", seconds: float = 0) -> "subprocess.CompletedProcess[str]":
        """Run a script of `sh` there; `given` is its standard input."""
        command = [*self._ssh(), "--", self.target, f"sh -c {shlex.quote(script)}"]
        asking = {"SSH_ASKPASS": self.askpass, "SSH_ASKPASS_REQUIRE": "force"} if self.askpass else {}
        return _call(*command, given=given, seconds=seconds, environ={**os.environ, **asking})

    @property
    def credential(self) -> str:
        """The word for how the account signs in."""
        return "password" if self.askpass else "key"

    def read_settings(self) -> Dict[str, str]:
        """The settings that ssh would use, from its configuration files."""
        done = _call(*self._ssh(), "-G", "--", self.target)
        pairs = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
        return dict(reversed(pairs))

    def _ssh(self) -> List[str]:
        options = ["StrictHostKeyChecking=yes", f"ConnectTimeout={CONNECT_SECONDS}"]
        options += PASSWORD_ALONE if self.askpass else ["BatchMode=yes"]
        options += ["IdentityAgent=none", "GlobalKnownHostsFile=/dev/null"] if self.is_alone else []
        if self.known_hosts:
            options.append(f"UserKnownHostsFile={self.known_hosts}")
        words = ["ssh", "-T", *(word for option in options for word in ("-o", option))]
        words += ["-F", "none"] if self.is_alone else []
        words += ["-p", str(self.port)] if self.port else []
        return words + (["-i", self.identity, "-o", "IdentitiesOnly=yes"] if self.identity else [])


def join_by_ssh(machine: Machine, url: str, token: str, name: str, say: Callable[[str], None]) -> None:
    """Check, install, join and start the agent. Raises StepFailed with the step that failed."""
    with tempfile.TemporaryDirectory() as folder:
        address, port = _check_address(machine)
        say(f"1. address: {address} port {port} answers")
        with _step("host key"):
            say(f"2. host key: {_check_host_key(machine, address, port, folder)}")
        with _step(machine.credential):
            say(f"3. {machine.credential}: {_check_sign_in(machine)}")
        with _step("shell"):
            _check_shell(machine)
        say("4. shell: prints nothing by itself")
        with _step("disk"):
            say(f"5. disk: {_check_disk(machine):.0f} GB free")
        with _step("Python"):
            python = _check_python(machine)
        say(f"6. Python: {python}")
        with _step("studio"):
            _check_studio(machine, python, url)
        say(f"7. studio: {url} answers there")
        with _step("install"):
            _install(machine, python, url)
        say("8. installed the agent")
        with _step("join"):
            _join(machine, url, token, name)
        say("9. joined")
        with _step("start"):
            started = _read(machine.run(START), "start")
        is_service = started.endswith("service")
        say(
            "10. started "
            + ("as a service of this account" if is_service else "(again after each boot: lazuli host start)")
        )


@contextlib.contextmanager
def _step(name: str) -> Iterator[None]:
    """The step that fails if the machine is too slow meanwhile."""
    try:
        yield
    except subprocess.TimeoutExpired as error:
        raise StepFailed(
            f"{name}: the machine did not finish within {error.timeout:.0f} seconds. Is it overloaded, or its disk full?"
        ) from error


def read_host_key(machine: Machine, say: Callable[[str], None]) -> str:
    """The fingerprint that the machine shows, for a person to compare: of its ed25519 key if it has one."""
    address, port = _check_address(machine)
    say(f"1. address: {address} port {port} answers")
    with _step("host key"):
        lines = [line for line in _scan(address, port).splitlines() if line and not line.startswith("#")]
    lines.sort(key=lambda line: " ssh-ed25519 " not in line)
    found = next(filter(None, map(_fingerprint, lines)), "")
    if not found:
        raise StepFailed(f"host key: {address} port {port} shows no key. Is it an SSH server?")
    return found


def check_key(path: str) -> None:
    """Refuse what ssh would refuse with `Permission denied`: a file that is no private key, or that has a passphrase."""
    with _step("key"):
        done = _call("ssh-keygen", "-y", "-P", "", "-f", path)
    if done.returncode:
        raise StepFailed(
            f"key: it cannot be used ({_last_line(done.stderr)}). It must be a whole private key without a passphrase: "
            "`ssh-keygen -p -N '' -f FILE` removes one from a copy."
        )


def _scan(address: str, port: int) -> str:
    return _call("ssh-keyscan", "-p", str(port), "--", address).stdout


def _check_address(machine: Machine) -> Tuple[str, int]:
    settings = machine.read_settings()
    address, port = settings.get("hostname", machine.target.rpartition("@")[2]), int(settings.get("port", 22))
    if settings.get("proxyjump", "none") != "none" or settings.get("proxycommand", "none") != "none":
        return address, port
    try:
        socket.create_connection((address, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise StepFailed(
            f"address: {address} port {port} does not answer ({error}). Is its SSH server running?"
        ) from error
    return address, port


def _check_host_key(machine: Machine, address: str, port: int, folder: str) -> str:
    """Find its key among the known ones, or pin the one with the given fingerprint."""
    if machine.host_key:
        scanned = _scan(address, port)
        for line in scanned.splitlines():
            if not line.startswith("#") and _fingerprint(line) == machine.host_key:
                machine.known_hosts = os.path.join(folder, "known_hosts")
                with open(machine.known_hosts, "w", encoding="utf-8") as file:
                    file.write(line + "\n")
                return f"{machine.host_key}, as given"
        raise StepFailed(
            f"host key: {address} has no key {machine.host_key}; it has {_list_keys(scanned)}. If the machine was installed "
            "again, begin again with its new key; otherwise somebody may be between."
        )
    said = machine.run("exit 0").stderr
    if "IDENTIFICATION HAS CHANGED" in said:
        raise StepFailed(
            f"host key: {address} has another key than before. If the machine was installed again, remove the old one by "
            f"`ssh-keygen -R {address}`; otherwise somebody may be between."
        )
    if "Host key verification failed" in said or "host key is known" in said:
        found = _list_keys(_scan(address, port))
        raise StepFailed(
            f"host key: the key of {address} is not known. It shows {found}. Compare it on the machine by "
            "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`, then repeat this with --host-key and the fingerprint."
        )
    if _NO_HANDSHAKE.search(said):
        raise StepFailed(
            f"host key: {address} port {port} does not finish SSH's handshake ({_last_line(said)}). Is it an SSH server that "
            "admits this machine?"
        )
    return "known"


def _fingerprint(line: str) -> str:
    done = _call("ssh-keygen", "-lf", "-", given=line + "\n")
    return next(iter(re.findall(r"SHA256:\S+", done.stdout)), "")


def _list_keys(scanned: str) -> str:
    found = [_fingerprint(line) for line in scanned.splitlines() if line and not line.startswith("#")]
    return ", ".join(filter(None, found)) or "no key"


def _call(
    *words: str, given: str = "", seconds: float = 0, environ: Optional[Dict[str, str]] = None
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            words,
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds or CHECK_SECONDS,
            check=False,
            errors="replace",
            env=environ,
        )
    except FileNotFoundError as error:
        raise StepFailed(f"The program {words[0]} is not on this machine: install OpenSSH's client.") from error


def _check_sign_in(machine: Machine) -> str:
    done = machine.run("id -un")
    if done.returncode == 255:
        raise StepFailed(
            f"{machine.credential}: {machine.target} refuses the sign-in ({_last_line(done.stderr)}). "
            f"{_advise(machine)} An `AllowUsers` line of the SSH server may also leave out the account."
        )
    # The next step says why an account runs no commands.
    return "accepted" if done.returncode else f"accepted for {_last_line(done.stdout)}"


def _advise(machine: Machine) -> str:
    """Advice after a refused sign-in."""
    if machine.askpass:
        return "Check account and password; the server must allow `PasswordAuthentication`."
    if machine.is_alone:
        return "Add the public key of this private key to ~/.ssh/authorized_keys of that account."
    return (
        "Add your public key to ~/.ssh/authorized_keys of that account, or name another one by --identity; passwords are "
        "not used."
    )


def _check_shell(machine: Machine) -> None:
    done = machine.run(f"echo {SILENT}")
    printed = done.stdout.strip()
    if SILENT not in printed:
        why = _last_line(done.stderr) or _last_line(printed) or f"exit code {done.returncode}"
        raise StepFailed(f"shell: {machine.target} can sign in, but not run commands ({why}).")
    if printed != SILENT:
        text = printed.replace(SILENT, "").strip()[:200]
        raise StepFailed(f"shell: it prints {text!r} at each sign-in; let ~/.bashrc print only in interactive shells.")


def _check_disk(machine: Machine) -> float:
    printed = _read(machine.run('df -Pk "$HOME" | tail -n 1'), "disk").split()
    free = int(printed[3]) * 1024 / 1e9 if len(printed) > 3 and printed[3].isdigit() else 0.0
    if free < MIN_FREE_GB:
        raise StepFailed(
            f"disk: {free:.1f} GB are free in the home folder; the agent and environments need {MIN_FREE_GB:.0f}."
        )
    return free


def _check_python(machine: Machine) -> str:
    done = machine.run(FIND_PYTHON)
    if done.returncode:
        raise StepFailed(
            "Python: there is no Python 3.10 or newer with venv and ensurepip. On Debian and Ubuntu: apt install python3-venv"
        )
    if _read(machine.run('test ! -e "${DATA_DIR:-$HOME/lazuli-host}/host.json" || echo joined'), "Python"):
        raise StepFailed("This machine has joined a studio already: `lazuli host leave` there ends that.")
    return _last_line(done.stdout)


def _check_studio(machine: Machine, python: str, url: str) -> None:
    done = machine.run(f"{shlex.quote(python)} - {shlex.quote(url)}", given=REACH)
    if done.returncode:
        raise StepFailed(f"studio: the machine cannot reach {url} ({_last_line(done.stderr)}).")


def _install(machine: Machine, python: str, url: str) -> None:
    index = shlex.quote(f"{url}/pypi/simple/")
    script = (
        f'{shlex.quote(python)} -m venv "{PROGRAM}" && "{PROGRAM}/bin/pip" install --quiet '
        f"--disable-pip-version-check --index-url {index} 'lazuli-sdk[agent]'"
    )
    _read(machine.run(script, seconds=INSTALL_SECONDS), "install")


def _join(machine: Machine, url: str, token: str, name: str) -> None:
    named = f" --name {shlex.quote(name)}" if name else ""
    # The token is not among the arguments, which other accounts could read.
    script = f'"{PROGRAM}/bin/lazuli" host join {shlex.quote(url)} - --no-start{named}'
    _read(machine.run(script, given=token + "\n"), "join")


def _read(done: "subprocess.CompletedProcess[str]", step: str) -> str:
    if done.returncode:
        raise StepFailed(
            f"{step}: {_last_line(done.stderr) or _last_line(done.stdout) or f'exit code {done.returncode}'}"
        )
    return done.stdout.strip()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
