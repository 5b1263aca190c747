"""What the project knows about corpora and encoders, read from configs/corpora.yml and configs/encoders.yml."""
