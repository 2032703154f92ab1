"""Benchmarks: the tables of the papers, speed, and studies of the simulator; run with python -m."""
