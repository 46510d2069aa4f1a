"""Example experiments for `make seed`, the tests and the benchmarks: a studio after a busy month.

contents.py      points, pictures, logs and code: plain data
full_run.py      one run with something on every tab
experiments.py   three experiments: very many runs, a sweep, and all that is larger or longer than usual
"""
