"""What `evaluate` and `compare` are made of: pure functions over gold and predicted mentions."""
