"""The driver of `make up`: from a bare machine to a kind cluster with a control center in it."""
