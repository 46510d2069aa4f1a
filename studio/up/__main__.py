"""The command: check first, then supervise."""

import sys

from studio.up import preflight, supervisor


def main() -> int:
    try:
        settings = preflight.read_settings()
        preflight.check_data_dir(settings.data_dir)
        lock = preflight.lock_data_folder(settings)
        sock = preflight.bind_socket(settings)
    except preflight.StartRefused as refused:
        print(f"Lazuli Studio did not start: {refused}", file=sys.stderr)
        return 1
    with lock, sock:
        return supervisor.serve(settings, sock)


if __name__ == "__main__":
    sys.exit(main())
