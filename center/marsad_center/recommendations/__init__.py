"""Recommendations: transparent rules over figures that open and close advice. A person decides; the audit keeps it."""
