"""Python distributions: indexes, metadata, resolution, explanations."""
