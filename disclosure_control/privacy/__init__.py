"""Differential privacy: bounded aggregates, integer noise, and a ledger that is charged first."""
