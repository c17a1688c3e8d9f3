"""Statistics as pure functions on arrays, apart from records and from drawing.

`scores` of one method have the shape (seeds, workloads). Seed s of one method is paired with seed
s of every other. NaN is missing: not run, or failed.
"""
