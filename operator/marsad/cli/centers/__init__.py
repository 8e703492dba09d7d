"""Commands about declared and running centers: `render`, `diff` and `status`.

They ask the same core as the operator does and write nothing: what they say is what the operator would do.
"""
