"""The check of the machines for `manage.py doctor`."""

import re

from lazuli.version import VERSION

from compute.models import Host
from studio.findings import Finding, fail, passed, warn

WHAT = "machines"
SDK = re.compile(r"lazuli-sdk (\S+)")
USER_AGENT = re.compile(r"lazuli-sdk/([\w.]{1,40})")


def check_machines() -> Finding:
    hosts = list(Host.objects.filter(detached_at=None).order_by("name"))
    alive = [host for host in hosts if host.is_alive]
    if not alive:
        return fail(
            WHAT, "No machine is connected, so no job can start.", "Start the studio, or the agent of a machine."
        )
    silent, closed = [host for host in hosts if not host.is_alive], [host for host in alive if host.quarantined_at]
    exposed, old = [host for host in alive if host.isolation_problem], [host for host in alive if is_old(host)]
    for rows, text, remedy in [
        (silent, "not connected", "Check its network and its agent, or detach it under Administration, Machines."),
        (closed, "in quarantine", "Read the reason under Administration, Machines, and open it again."),
        (exposed, "running scripts that are not isolated", "The Machines page says what is missing."),
        (old, f"on another version than {VERSION}", "Upgrade its SDK: pip install --upgrade lazuli-sdk."),
    ]:
        if rows:
            names = ", ".join(host.name for host in rows[:5])
            return warn(WHAT, f"{len(rows)} of {len(hosts)} are {text}: {names}.", remedy)
    return passed(WHAT, f"All {len(hosts)} are connected and isolate scripts. {_describe_engines(hosts)}")


def _describe_engines(hosts: list[Host]) -> str:
    """Which have a container engine, and why others have none."""
    missing = {host.name: f"none ({host.container_problem or 'not looked for'})" for host in hosts}
    return f"Container engines: {'; '.join(f'{host}: {host.container_engine or missing[host.name]}' for host in hosts[:5])}."


def is_old(host: Host) -> bool:
    """Whether its last reported SDK has another major or minor version than the studio's."""
    found = SDK.search(host.system)
    return found is not None and found[1].split(".")[:2] != VERSION.split(".")[:2]


def update_sdk(system: str, user_agent: str) -> str:
    """The description of a machine, with the SDK of its last report in place of the one with which it joined."""
    found = USER_AGENT.search(user_agent)
    if found is None:
        return system
    others = [part for part in system.split(", ") if part and not SDK.search(part)]
    return ", ".join([*others, f"lazuli-sdk {found[1]}"])[:200]
