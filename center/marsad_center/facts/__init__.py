"""Facts: the schema and its migrations, and how movements and orders become encounters and turnaround times."""
