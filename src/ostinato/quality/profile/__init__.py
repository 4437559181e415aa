"""What a table is and what is wrong with it: start with `DataQualityAnalyzer`.

    from ostinato import DataQualityAnalyzer
    report = DataQualityAnalyzer(target="label").analyze(tracks)
    print(report)
    report.to_html("tracks.html")

A column is read once into `cells`; `column` says what it holds and how it is spread. Each kind of fault is one module
(`missing`, `duplicates`, `consistency`, `association`, `drift`, `leaks`) that returns its facts and its findings. `score`
sums them up, `page` draws them, and `learning` writes a suite of expectations from them for a person to review.
"""
