"""Spec to lock: what is still right is kept, what is not is resolved anew."""
