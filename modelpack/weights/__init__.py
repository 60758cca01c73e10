"""Weights, known by their content: what format a file has, what loading it would import, and whether it is whole."""
