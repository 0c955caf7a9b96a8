"""What tools/benchmark.py is made of: suites, profiles, runs, and what is reported of them."""
