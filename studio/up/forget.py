"""`make clean`: delete the data folder after a confirmation, and never while a studio is running on it."""

import shutil
import sys

from studio.up import preflight


def main() -> int:
    settings = preflight.read_settings()
    folder = settings.data_dir
    if not folder.exists():
        print(f"There is nothing to delete: {folder} does not exist.")
        return 0
    if not (folder / "secret.key").exists():
        print(
            f"{folder} does not look like a studio's data folder (no secret.key); nothing was deleted.", file=sys.stderr
        )
        return 1
    with preflight.lock_data_folder(settings):
        print(f"This deletes all workspaces, runs and files in {folder}. This cannot be undone.")
        if input("Type the word forget to continue: ").strip() != "forget":
            print("Nothing was deleted.")
            return 1
        shutil.rmtree(folder)
    print(f"Deleted {folder}.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except preflight.StartRefused as refused:
        sys.exit(f"Nothing was deleted: {refused}")
    except (EOFError, KeyboardInterrupt):
        sys.exit("\nNothing was deleted.")
