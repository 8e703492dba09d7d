"""The pure core: state in, state out."""
