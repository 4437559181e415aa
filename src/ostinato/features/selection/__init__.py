"""Which columns to keep, and why: six selectors with scikit-learn's conventions and `reasons_` for every column.

    from ostinato.features.selection import StabilitySelector
    selector = StabilitySelector().fit(X, y)
    selector.transform(X), selector.reasons_

| selector | keeps | promises |
|---|---|---|
| `RecursiveSelector` | as few as the best cross-validated score allows | a good model |
| `BorutaSelector` | all that tell more than their shuffled copies | all that is relevant, also what is redundant |
| `ShapSelector` | those a boosted model uses on rows it did not learn from, more than shuffled copies | what that model needs |
| `InformationSelector` | those whose mutual information is none of chance | at most `alpha` chance of any false one |
| `RedundancySelector` | relevant ones that the others do not tell already | no copies |
| `StabilitySelector` | those that nearly every half of the rows selects | at most `most_false` false ones on average |

Tables may hold words, dates and gaps; selecting returns the table's own columns.
"""

from ostinato.features.selection.boruta import BorutaSelector
from ostinato.features.selection.information import InformationSelector
from ostinato.features.selection.recursive import RecursiveSelector
from ostinato.features.selection.redundancy import RedundancySelector
from ostinato.features.selection.selector import Reason
from ostinato.features.selection.shapley import ShapSelector
from ostinato.features.selection.stability import StabilitySelector

__all__ = [
    "BorutaSelector",
    "InformationSelector",
    "Reason",
    "RecursiveSelector",
    "RedundancySelector",
    "ShapSelector",
    "StabilitySelector",
]
