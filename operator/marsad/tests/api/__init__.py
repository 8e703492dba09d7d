"""Tests of the models and their CRDs."""
