"""In: where counts are kept: a Prometheus-compatible server, or a page of /metrics. Out: a `Source` of usage."""
