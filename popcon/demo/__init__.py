"""In: nothing. Out: the whole pipe, run once on this machine with real kernels, and what it saw."""
