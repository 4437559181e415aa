"""Features one can trust: start with `FeatureStore` and a `FeatureView`.

    from ostinato import FeatureStore, FeatureView
    store = FeatureStore("features")
    store.write(FeatureView("listening", entity="user", features={"plays": "int64"}), frame)
    train = store.historical(rows, ["listening:plays"])      # as they stood at each row's moment
    store.materialize("listening")
    store.online("listening", ["ada"])["ada"].values         # as they stand now

A view is a value: names, types, how long its values hold, and which code computed them. Rows are appended as sorted Parquet
files, and one manifest, replaced whole, says which of them belong to the view. What a training table held can be read again.
"""

from ostinato.features.store.store import FeatureStore
from ostinato.features.store.view import DTYPES, FeatureView, code_of

__all__ = ["DTYPES", "FeatureStore", "FeatureView", "code_of"]
