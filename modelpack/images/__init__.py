"""Base images: where they are, what they are made of, and where their blobs can be had."""
