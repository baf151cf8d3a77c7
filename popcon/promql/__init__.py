"""In: the catalogue. Out: the recordings that Prometheus makes of it, and PromQL that reads them."""
