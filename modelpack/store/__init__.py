"""The Nix store, and how artifacts come into it."""
