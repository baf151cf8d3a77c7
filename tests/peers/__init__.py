"""In: nothing. Out: the real statsd_exporter, Prometheus, promtool and JupyterHub proxy, or why not."""
