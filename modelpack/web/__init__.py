"""HTTP as the machine is configured for it."""
