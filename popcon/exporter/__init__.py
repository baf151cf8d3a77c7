"""In: statsd lines. Out: Prometheus metrics, by the mapping rules that statsd_exporter reads.

receive (server) → parse (wire) → map (mapping, matching) → hold (registry) → show (exposition).
"""
