"""What leaves the store: images, archives, root filesystems."""
