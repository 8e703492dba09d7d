"""Measurements against floors and peers in the same run: `make bench`, or `python -m bench --help`."""
