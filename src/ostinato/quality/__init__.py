"""Great Expectations suites as data, verdicts, quarantine; the one room that talks to Great Expectations."""
