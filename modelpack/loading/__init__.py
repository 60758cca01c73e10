"""Specs in every form people write them, read into ``modelpack.spec``."""
