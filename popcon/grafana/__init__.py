"""In: dashboards and a Grafana's address. Out: the dashboards there, by its HTTP API."""
