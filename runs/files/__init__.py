"""Files of runs: artifacts, logs and snapshots, and how they are read and shown."""
