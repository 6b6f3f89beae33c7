"""AWS Sign-In: anomalies of signing in to the console."""
