"""What `report` is made of: tables, plots, documents and the model card, from the figures that `evaluate` left."""
