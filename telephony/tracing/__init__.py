"""Calls as traces, for who collects them."""
