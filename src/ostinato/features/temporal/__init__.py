"""Features of a row from what lay before it: start with `TemporalFeatureExtractor`.

    from ostinato import TemporalFeatureExtractor
    past = TemporalFeatureExtractor(time="at", entity="user_id", values=["length"])
    past.fit_transform(events)

Every feature is computed from a range of the events of one entity that ends before the row: `clock` reads moments, `timeline` finds
the ranges, `folding` computes a statistic of each range, and the specs in `specs` say which features there are.
"""

from ostinato.features.temporal.extractor import TemporalFeatureExtractor

__all__ = ["TemporalFeatureExtractor"]
