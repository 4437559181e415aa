"""What a `FeatureEngineer` computes: each kind of feature as a value that learns, computes and names itself.

`specs` is the list of kinds, `values` those of one row's own values, `groups` those of the rows of a group, `proposals` looks for
ones that would help.
"""
