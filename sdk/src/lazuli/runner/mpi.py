"""Jobs with `MpiConfiguration` whose environment has Open MPI: mpirun starts their processes on all nodes.

Its daemons are started by the runners of the other nodes (mpi_launcher.py), so no node needs SSH. Without Open MPI in the
environment, the processes get the variables of their rank alone, as those of other distributed jobs do.
"""

from __future__ import annotations

import os
import shlex
from typing import Any, Dict, List

from lazuli.runner import gang
from lazuli.runner.gang import Gang
from lazuli.runner.mpi_launcher import AGENT, CONTENT, PROCESS
from lazuli.runner.spec import Spec
from lazuli.runner.work_folder import WorkFolder

LAUNCHER = "mpi_launcher.py"
# Open MPI 5: older ones start other daemons, by other settings.
PROGRAMS = ("mpirun", "prted")
ROOT_VARIABLES = ("ALLOW_RUN_AS_ROOT", "ALLOW_RUN_AS_ROOT_CONFIRM")


def is_found(spec: Spec, python: str) -> bool:
    """Whether the environment of this interpreter has Open MPI, for a job of several MPI processes."""
    processes = spec.node_count * int(spec.distribution.get("processes_per_node") or 1)
    if spec.distribution.get("kind") != "mpi" or processes < 2:
        return False
    return all(os.path.exists(os.path.join(os.path.dirname(python), name)) for name in PROGRAMS)


def build_command(nodes: Gang, command: Any, python: str, folder: WorkFolder) -> List[str]:
    """The command of this node: mpirun on the first, a server for its daemon on the others."""
    tools = folder.tools
    launcher = gang.copy_script(LAUNCHER, tools)
    gang.copy_script(gang.LAUNCHER, tools)
    for name, mode in ((AGENT, "connect"), (PROCESS, "process")):
        _write_program(os.path.join(tools, name), python, launcher, mode)
    gang.write_content(
        {
            "command": command,
            "rank": nodes.rank,
            "names": [f"lazuli-node-{rank}" for rank in range(nodes.size)],
            "addresses": [[peer.host, peer.port] for peer in nodes.peers],
            "processes_per_node": len(nodes.list_ranks()),
            "variables": nodes.build_variables()[0],
            "secret": nodes.secret,
            "bin": os.path.dirname(python),
            "prefix": os.path.dirname(os.path.dirname(python)),
            "folder": folder.code,
        },
        tools,
    )
    return [python, launcher, "lead" if nodes.rank == 0 else "node"]


def build_variables(folder: WorkFolder, path: str) -> Dict[str, str]:
    """The variables by which mpirun, its daemons and processes of this node find their programs and content."""
    names = [f"{prefix}_{name}" for prefix in ("OMPI", "PRTE") for name in ROOT_VARIABLES]
    return {
        CONTENT: os.path.join(folder.tools, gang.CONTENT),
        "PATH": os.pathsep.join([folder.tools, path]),
        **dict.fromkeys(names, "1"),
    }


def _write_program(path: str, python: str, launcher: str, mode: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {shlex.quote(python)} {shlex.quote(launcher)} {mode} "$@"\n')
    os.chmod(path, 0o755)
