"""Fixtures for every test. The servers are started by `tests/embedded.py`."""
