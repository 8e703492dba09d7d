"""Marsad: an operator that turns one HealthCluster into a running health resource control center."""

__version__ = "0.1.0"
