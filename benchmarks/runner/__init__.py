"""The matrix's runner: starts every forwarder, takes samples in rounds, makes rows, a table and a report of them."""
