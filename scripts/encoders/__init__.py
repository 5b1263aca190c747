"""The parts of `fetch-encoder`: downloads of a model's files, and the model folder that is written from them."""
