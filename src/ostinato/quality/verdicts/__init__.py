"""Verdicts of Great Expectations at the speed of arrays: figures are ours, results are written by the vendor's own code.

`validation.validate` judges a frame by a list of expectations. For the common ones the numbers that a verdict rests on are
counted column by column (`rows`, `figures`, `pairs`), and the expectation itself turns them into its result, so that every
field and every page is the vendor's. What is not certain to come out the same is left to the vendor (`vendor.plain`).
"""
