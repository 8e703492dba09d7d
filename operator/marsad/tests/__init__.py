"""Tests of the operator; inside the package, because a folder named operator must stay Python's own module."""
