"""The algorithms, one tuple a family; a new algorithm is one more entry in one of these tuples."""

from ostinato.automl.entry import Entry
from ostinato.automl.families.bayes import BAYES
from ostinato.automl.families.boosting import BOOSTING
from ostinato.automl.families.forests import FORESTS
from ostinato.automl.families.kernels import KERNELS
from ostinato.automl.families.linear import LINEAR, ROBUST
from ostinato.automl.families.neighbours import NEIGHBOURS
from ostinato.automl.families.networks import NETWORKS
from ostinato.automl.families.rules import ADDITIVE, RULES

FAMILIES: tuple[tuple[Entry, ...], ...] = (
    LINEAR,
    FORESTS,
    BOOSTING,
    KERNELS,
    NEIGHBOURS,
    NETWORKS,
    BAYES,
    ADDITIVE,
    RULES,
    ROBUST,
)
