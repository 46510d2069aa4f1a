"""Check the systemd units: they are valid, and not more exposed than MAX_EXPOSURE of `systemd-analyze security` (0 to 10)."""

import pathlib
import re
import shutil
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent
MAX_EXPOSURE = 3.0
# The programs of the units are not on this machine.
MISSING_PROGRAM = "is not executable: No such file or directory"


def main() -> None:
    if not shutil.which("systemd-analyze"):
        print("The units are not checked: there is no systemd-analyze (Debian: apt-get install systemd).")
        return
    problems = [problem for path in sorted(FOLDER.glob("*.service")) for problem in find_problems(path)]
    sys.exit("\n".join(problems) or 0)


def find_problems(path: pathlib.Path) -> list[str]:
    found = run("verify", str(path)).splitlines()
    found = [line for line in found if line and MISSING_PROGRAM not in line]
    report = run("security", "--offline=true", "--no-pager", str(path))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", report)
    if exposure is None:
        return [*found, f"{path.name}: systemd-analyze security gave no result: {report[-300:]}"]
    print(f"{path.name}: exposure {exposure[1]}, at most {MAX_EXPOSURE}")
    return [*found, *([f"{path.name} is too exposed."] if float(exposure[1]) > MAX_EXPOSURE else [])]


def run(*arguments: str) -> str:
    ended = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)
    return ended.stdout + ended.stderr


if __name__ == "__main__":
    main()
