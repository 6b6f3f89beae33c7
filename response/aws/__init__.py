"""What is read from AWS and changed in it; each change is read back by whoever asked for it."""
