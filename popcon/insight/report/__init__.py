"""In: a source of counts. Out: one HTML page, complete in itself, that a director reads in three minutes."""
