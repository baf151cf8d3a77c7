"""In: nothing. Out: names of what exporters show of themselves, for the rules and dashboards about them.

Both exporters show what begins with `statsd_exporter_`. A test compares these names with their pages.
"""

from __future__ import annotations

from popcon.catalog import CANARY, REPORTS

LINES = "statsd_exporter_lines_total"
MAPPINGS = "statsd_exporter_loaded_mappings"
PROCESS_STARTED = "process_start_time_seconds"
#: Of popcon's exporter alone.
BUILD = "popcon_exporter_build_info"
COUNTING_SINCE = "popcon_exporter_counting_since_timestamp_seconds"
POLICY = "popcon_exporter_privacy_info"
HOLDING = "popcon_exporter_privacy_holding"
RELOADED = "popcon_exporter_config_last_reload_successful"

#: A job that is named after popcon, as the chart and Compose name theirs, also where it never answered.
NAMED = 'up{job=~"(.*[-/])?popcon(-exporter|-metrics)?"}'
#: What popcon's exporters show, and another statsd_exporter doesn't.
SHOWN = (BUILD, REPORTS.name, CANARY.name)
