from __future__ import annotations

import os
import sys

from lazuli.runner.spec import BadSpec, Spec
from lazuli.runner.supervisor import supervise_run


def main(arguments: "list[str]") -> int:
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m lazuli.runner SPEC.json [--remove-spec]", file=sys.stderr)
        return 2
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
