"""In: requests. Out: the exporter's pages."""
