"""What the search command is measured against: ways to do the same with what users have today."""
