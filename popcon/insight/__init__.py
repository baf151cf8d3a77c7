"""In: a question. Out: what Prometheus, or an exporter's /metrics, answers."""
