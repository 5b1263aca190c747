"""Everything the project knows about its corpora and encoders: configs/corpora.yml and configs/encoders.yml, checked."""
