from __future__ import annotations

import os
import sys

from lazuli import processes
from lazuli.runner import records
from lazuli.runner.spec import BadSpec, Spec
from lazuli.runner.supervisor import supervise_run


def main(arguments: "list[str]") -> int:
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m lazuli.runner SPEC.json [--remove-spec]", file=sys.stderr)
        return 2
    record = os.environ.pop(records.VARIABLE, "")
    if record and not records.make_record(record):
        print("This attempt was canceled before it started.", file=sys.stderr)
        return 0
    processes.become_subreaper()
    status = run(arguments)
    processes.kill_descendants()
    if record:
        records.write_end(record, status)
    return status


def run(arguments: "list[str]") -> int:
    try:
        spec = Spec.read_file(arguments[0], os.environ)
    except BadSpec as error:
        print(error, file=sys.stderr)
        return 2
    if "--remove-spec" in arguments[1:]:
        os.remove(arguments[0])
    return supervise_run(spec)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
