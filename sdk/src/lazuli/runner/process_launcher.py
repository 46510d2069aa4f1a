"""Start several processes of one script on this node, each with its own variables; a standalone script for any Python
3.

Lines of all but the first have their rank in front. When one fails, the others are ended, and its last lines are repeated.
"""

import collections
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import IO, Any, Deque, Dict, List, Optional, Tuple, Union

GRACE_SECONDS = 5.0
REPEATED_LINES = 30
WORDS = re.compile(r"\$\{?(RANK|LOCAL_RANK|WORLD_SIZE|NODE_RANK|LOCAL_WORLD_SIZE|MASTER_ADDR|MASTER_PORT)\b\}?")


Started = Tuple["subprocess.Popen[bytes]", threading.Thread]


def start(command: Union[str, List[str]], variables: Dict[str, str], lines: Deque[bytes], is_first: bool) -> Started:
    if isinstance(command, str):
        arguments = ["bash", "-c", command]
    else:
        arguments = [WORDS.sub(lambda match: variables[match.group(1)], word) for word in command]
    process = subprocess.Popen(
        arguments, env=dict(os.environ, **variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    prefix = b"" if is_first else b"[rank " + variables["RANK"].encode() + b"] "
    reader = threading.Thread(target=copy_lines, args=(process.stdout, prefix, lines))
    reader.daemon = True
    reader.start()
    return process, reader


def copy_lines(stream: IO[bytes], prefix: bytes, lines: Deque[bytes]) -> None:
    for line in iter(stream.readline, b""):
        lines.append(line)
        sys.stdout.buffer.write(prefix + line)
        sys.stdout.buffer.flush()


def main(path: str) -> int:
    with open(path) as file:
        content: Dict[str, Any] = json.load(file)
    # A handler, unlike ignoring it, is not inherited: the processes get the signal themselves.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    kept: List[Deque[bytes]] = [collections.deque(maxlen=REPEATED_LINES) for _ in content["processes"]]
    started = [
        start(content["command"], variables, kept[number], number == 0)
        for number, variables in enumerate(content["processes"])
    ]
    failed = None
    while failed is None and any(process.poll() is None for process, _ in started):
        time.sleep(0.05)
        failed = find_failed(started)
    failed = find_failed(started) if failed is None else failed
    end([process for process, _ in started])
    for _, reader in started:
        reader.join(GRACE_SECONDS)
    if failed is None:
        return 0
    if failed:
        sys.stdout.buffer.write(b"".join(kept[failed]))
        sys.stdout.buffer.flush()
    status = started[failed][0].returncode
    return 128 - status if status < 0 else int(status)


def find_failed(started: List[Started]) -> Optional[int]:
    return next((number for number, (process, _) in enumerate(started) if process.poll()), None)


def end(processes: "List[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is None:
            process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
