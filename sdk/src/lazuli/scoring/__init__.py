"""The scoring server: an entry script with `init()` and `run(data)` behind HTTP. It needs the standard library alone."""
