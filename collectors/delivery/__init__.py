"""From a notification that an object is there to the answer that all of it is stored."""
