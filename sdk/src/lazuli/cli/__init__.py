"""The command line: `lazuli …`, and the same commands as `az ml …` with the extra `lazuli-sdk[az]`.

Exit codes: 0 it worked, 1 it failed, 2 the command was wrong, 3 what was named does not exist, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, List, Optional, Sequence, Union

from lazuli.cli import account, computetarget, environments, folder, run, trash, workspace
from lazuli.cli.output import show
from lazuli.cli.parser import Tree, UsageError
from lazuli.version import VERSION

if TYPE_CHECKING:
    from azureml.exceptions import AzureMLException, ServiceException

OK, FAILED, USAGE, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The command `lazuli`."""
    return _run("lazuli", "table", list(sys.argv[1:] if argv is None else argv))


def az_main(argv: Optional[Sequence[str]] = None) -> int:
    """The command `az`: resources stand under `ml`, and answers are JSON unless asked otherwise."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return _run("az", "json", arguments)


def build(prog: str, default_output: str) -> argparse.ArgumentParser:
    tree = Tree(prog, default_output, VERSION)
    for module in (workspace, computetarget, run, trash, folder, environments):
        module.add(tree.resources)
    account.add(tree.top)
    return tree.parser


def _run(prog: str, default_output: str, arguments: List[str]) -> int:
    from azureml.exceptions import AzureMLException, ServiceException

    if prog == "lazuli" and arguments[:1] == ["ml"]:
        # What is written for `az ml` may be typed behind `lazuli` as it is.
        arguments = arguments[1:]
    parser = build(prog, default_output)
    options = parser.parse_args(arguments)
    try:
        answer = options.run(options)
        if answer is not None:
            show(answer, options.output, sys.stdout)
    except UsageError as error:
        options.parser.error(str(error))
    except (AzureMLException, ServiceException) as error:
        print(f"ERROR: {error.message}", file=sys.stderr)
        return NOT_FOUND if _is_not_found(error) else FAILED
    except BrokenPipeError:
        # The reader of a pipe, as in `| head`, has seen enough.
        sys.stderr.close()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return OK


def _is_not_found(error: Union[AzureMLException, ServiceException]) -> bool:
    from lazuli.errors import NotFound

    # WorkspaceNotFound: and ComputeTargetNotFound: are the words of SDK v1.
    said = error.message.split(" ", 1)[0].endswith("NotFound:")
    return said or isinstance(error, NotFound) or isinstance(error.inner_exception, NotFound)
