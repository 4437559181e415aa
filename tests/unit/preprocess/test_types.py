import pandas as pd

from ostinato.preprocess.types import typed


def test_a_hash_with_a_huge_exponent_does_not_end_the_process():
    tracks = pd.DataFrame({"hash": ["5e41230987124387", "1e99999999999"]})
    assert typed(tracks, frozenset())["hash"].notna().all()
