"""The benchmarks, one module each. `harness` runs contenders in turn, and writes figures and tables."""
