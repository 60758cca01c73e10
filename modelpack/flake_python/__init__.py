"""The Python of a flake, such as nixpkgs', as an interpreter tarball."""
