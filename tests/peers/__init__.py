"""In: nothing. Out: the real statsd_exporter, Prometheus and promtool, or why they are not there."""
