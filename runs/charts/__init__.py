"""What is drawn: figures, the metrics tab, and the colours of runs."""
