"""What `document` generates: pages of the reference and a picture, each a function from the project to text."""
