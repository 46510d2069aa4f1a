"""A log for each process of a node, split from the node's log."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Dict, List

# The launcher writes it before the lines of all processes except the first.
PREFIX = re.compile(rb"\[rank ([0-9]{1,6})\] ")


def split_log(path: str, ranks: List[int], folder: str) -> Dict[str, str]:
    """Write the lines of each rank to a file in `folder`; return the paths by the names that Azure gives these logs.

    Lines without a rank, also those of the runner, belong to the first.
    """
    names = {rank: f"std_log_process_{rank:02}.txt" for rank in ranks}
    paths = {name: os.path.join(folder, name) for name in names.values()}
    with contextlib.ExitStack() as stack:
        files = {rank: stack.enter_context(open(paths[name], "wb")) for rank, name in names.items()}
        for line in stack.enter_context(open(path, "rb")):
            match = PREFIX.match(line)
            if match and int(match.group(1)) in files:
                files[int(match.group(1))].write(line[match.end() :])
            else:
                files[ranks[0]].write(line)
    return {f"user_logs/{name}": path for name, path in paths.items()}
