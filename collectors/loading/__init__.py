"""Many objects into a store: files of a folder, or a bucket's prefix and period."""
