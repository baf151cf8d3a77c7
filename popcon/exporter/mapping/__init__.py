"""In: a mapping file. Out: its rules, and where each statsd name goes by them."""
