"""Benchmarks that anyone can repeat: loadkit's load generator beside others, and its own limits.

Each bench pins what it measures to one core and the server to another, interleaves repetitions
and gives medians and ratios with 95 % intervals. A result is a ``loadkit.bench.result.Result``:
plain data with the machine, the versions and the date in it, from which every table is made.
"""
