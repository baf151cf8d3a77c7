"""In: what changed. Out: a file that a restart reads."""
