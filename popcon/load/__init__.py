"""In: reports that jobs without a network wrote as files. Out: counts at an exporter, each report once."""
