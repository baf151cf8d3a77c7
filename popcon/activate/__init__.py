"""In: a place where Python looks at start. Out: popcon is armed from there, or is so no more."""
