"""Figures of a control center: the catalogue (formula, source, target) and the engine that keeps them up to date."""
