"""Charts: figures, the metrics tab, and the colours of runs."""
