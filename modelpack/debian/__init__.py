"""Debian archives: signatures, indexes, resolution."""
