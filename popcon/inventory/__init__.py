"""In: an environment on disk. Out: its libraries, how large they are, where from, and what they are for."""
