"""The matrix's runner: starts every forwarder, takes samples in rounds, and turns them into rows, a table and a report."""
