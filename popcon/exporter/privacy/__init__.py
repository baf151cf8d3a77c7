"""In: increments of popcon's own metrics. Out: when, and under which names, they become visible."""
