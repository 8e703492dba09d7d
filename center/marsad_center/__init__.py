"""The control center of one health cluster: gateway, facts, indicators and dashboard, one image for all of them."""

__version__ = "0.1.0"
