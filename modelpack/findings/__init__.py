"""What is wrong with a package, or may be, as far as it can be known before anything is built."""
