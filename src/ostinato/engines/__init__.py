"""Search, ensemble, calibration and shipping composed: `PredictionEngine` and the artefact that it ships."""
