"""What would make a figure too good: start with `LeakageAuditor`.

    from ostinato.features.leakage import LeakageAuditor
    report = LeakageAuditor().audit(X, y, folds, groups=artist, time=released)
    for finding in report.findings: print(finding)

Each kind of leak is one module that looks at the rows, the folds, or both. A finding names columns and rows and says what to do;
what a table shows naturally (equal rows of few-valued columns, columns that predict well) is not a finding.
"""

from ostinato.features.leakage.auditor import LeakageAuditor
from ostinato.features.leakage.report import KINDS, Finding, Kind, LeakageReport, Severity

__all__ = ["KINDS", "Finding", "Kind", "LeakageAuditor", "LeakageReport", "Severity"]
