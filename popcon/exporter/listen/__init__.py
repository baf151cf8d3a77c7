"""In: addresses. Out: sockets on them, and what comes there, handed on in whole lines."""
