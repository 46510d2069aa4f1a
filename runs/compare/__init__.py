"""Runs side by side: what the address asks for (`asked`), the runs themselves (`chosen`), and one module for each tab."""
