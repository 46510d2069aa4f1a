from __future__ import annotations

import os
import sys

from lazuli.runner.spec import BadSpec, Spec


def main(arguments: "list[str]") -> int:
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m lazuli.runner SPEC.json [--remove-spec]", file=sys.stderr)
        return 2
    try:
        spec = Spec.read(arguments[0], os.environ)
    except BadSpec as error:
        print(error, file=sys.stderr)
        return 2
    if "--remove-spec" in arguments[1:]:
        os.remove(arguments[0])
    from lazuli.runner.supervise import supervise

    return supervise(spec)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
