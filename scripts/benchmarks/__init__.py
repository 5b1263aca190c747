"""What `benchmark` and `benchmark_training` are made of: what is measured, how, and the tables of the figures."""
