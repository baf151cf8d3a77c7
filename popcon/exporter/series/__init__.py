"""In: measurements with their final names. Out: every series, and the text of them."""
