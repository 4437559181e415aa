"""Missing values: start with `MissingValueHandler`.

    from ostinato import MissingValueHandler
    handler = MissingValueHandler(strategy="mice", random_state=0)
    complete = handler.fit_transform(table)          # one table to learn from
    handler.imputations_                             # m tables to do statistics on
    handler.pooled(lambda each: (each.mean(), each.var() / len(each)))

`cells` reads a mixed table as numbers and writes it back, `chained` goes over the columns in turn, `matching` and `classes` are
what a column is drawn by, `rubin` pools what m tables say. Nothing here looks at a target.
"""

from ostinato.preprocess.missing.handler import MissingValueHandler
from ostinato.preprocess.missing.rubin import Pooled, pool

__all__ = ["MissingValueHandler", "Pooled", "pool"]
