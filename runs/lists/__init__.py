"""Lists of runs: what the experiment page and All jobs show."""
