"""A model and a short spec go in; a checked, reproducible, hermetic model package comes out."""

__version__ = "0.1.0"
