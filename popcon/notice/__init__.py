"""In: what is set at a site. Out: a page for the people whose notebooks are counted."""
