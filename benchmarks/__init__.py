"""In: nothing. Out: measurements, each with the peer beside us in the same run."""
