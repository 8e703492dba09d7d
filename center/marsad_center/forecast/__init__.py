"""Forecasts of a control center: ED arrivals and occupied beds, each with an interval and its back-tested error."""
