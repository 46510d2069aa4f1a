"""Pages of experiments and runs: lists, one run and its tabs, files, and what can be done to runs."""
