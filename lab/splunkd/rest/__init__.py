"""splunkd's resources by subject: each module answers requests for one part of the tree of paths."""
