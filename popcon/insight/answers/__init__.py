"""In: a source of counts, and a period. Out: answers, as rows; nothing is printed here."""
