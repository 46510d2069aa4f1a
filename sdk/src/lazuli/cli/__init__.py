"""The command line: `lazuli …`, and the same commands as `az ml …` with the extra `lazuli-sdk[az]`.

Exit codes: 0 success, 1 failure, 2 wrong usage, 3 the named resource does not exist, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import sys
from typing import List, Optional, Sequence, Union

from lazuli.cli.commands import (
    account,
    activity,
    admin,
    computetarget,
    dataset,
    datastore,
    endpoint,
    environments,
    folder,
    host,
    labeling,
    model,
    notification,
    run,
    secret,
    trash,
    workspace,
)
from lazuli.cli.output import print_answer
from lazuli.cli.parser import CommandTree, UsageError
from lazuli.errors import AzureMLException, NotFound, ServiceException
from lazuli.version import VERSION

OK, FAILED, USAGE, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The command `lazuli`."""
    return _run_command("lazuli", "table", list(sys.argv[1:] if argv is None else argv))


def az_main(argv: Optional[Sequence[str]] = None) -> int:
    """The command `az`: resources are under `ml`, and answers are JSON by default."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return _run_command("az", "json", arguments)


def build_parser(prog: str, default_output: str) -> argparse.ArgumentParser:
    tree = CommandTree(prog, default_output, VERSION)
    for module in (
        workspace,
        computetarget,
        run,
        dataset,
        datastore,
        model,
        notification,
        labeling,
        endpoint,
        secret,
        activity,
        trash,
        folder,
        environments,
        admin,
    ):
        module.add_commands(tree.resources)
    account.add_commands(tree.top)
    host.add_commands(tree.top)
    return tree.parser


def _run_command(prog: str, default_output: str, arguments: List[str]) -> int:
    if prog == "lazuli" and arguments[:1] == ["ml"]:
        # A command that was written for `az ml` also works after `lazuli`.
        arguments = arguments[1:]
    parser = build_parser(prog, default_output)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the console's encoding does not have is replaced.
        sys.stdout.reconfigure(errors="replace")
    options = parser.parse_args(arguments)
    try:
        answer = options.run(options)
        if answer is not None:
            print_answer(answer, options.output, sys.stdout)
    except UsageError as error:
        options.parser.error(str(error))
    except (AzureMLException, ServiceException) as error:
        print(f"ERROR: {error.message}", file=sys.stderr)
        return NOT_FOUND if _is_not_found(error) else FAILED
    except BrokenPipeError:
        # The reader of a pipe, as in `| head`, has closed it.
        sys.stderr.close()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return OK


def _is_not_found(error: Union[AzureMLException, ServiceException]) -> bool:
    # SDK v1's messages begin with WorkspaceNotFound: and ComputeTargetNotFound:.
    is_named = error.message.split(" ", 1)[0].endswith("NotFound:")
    return is_named or isinstance(error, NotFound) or isinstance(error.inner_exception, NotFound)
