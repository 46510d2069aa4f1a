"""Files of runs: storing, reading and showing artifacts, logs and snapshots."""
