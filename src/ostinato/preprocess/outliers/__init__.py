"""Rows and cells that do not belong: start with `OutlierDetector`.

    from ostinato import OutlierDetector
    OutlierDetector().fit(table).score(table)                     # higher is more abnormal
    OutlierDetector("iqr", action="clip").fit_transform(table)

`marginal` looks at columns one by one, `covariance` at what columns do together, `local` at neighbours, `histogram` at rare values,
`combined` joins several.
"""

from ostinato.preprocess.outliers.detector import OutlierDetector

__all__ = ["OutlierDetector"]
