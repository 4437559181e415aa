"""Columns as numbers a model can take: start with `FeatureTransformer`.

    from ostinato import FeatureTransformer
    transformer = FeatureTransformer({"artist": "target", "duration": ["log", "standard"]}, random_state=0)
    X = transformer.fit_transform(table, y)          # codes from the target are out of fold here
    transformer.transform(new_rows)                  # and from all rows here
    FeatureTransformer.from_description(transformer.description())   # the same again, from JSON

`spec` says what can be asked of a column, `automatic` what suits one, `table` reads columns and `goal` the target. The others hold
the blocks of one kind each: `scaling`, `categories`, `targets`, `dates`, `text`, `combining`; `kinds` finds them. `description` is
their JSON; `graph` and `calendar` write them as ONNX.
"""

from ostinato.preprocess.transform.transformer import FeatureTransformer

__all__ = ["FeatureTransformer"]
