"""Algorithms that misbehave, for the workers to import."""

import os
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Strange(ClassifierMixin, BaseEstimator):
    def __init__(self, depth=1.0, manner="raise"):
        self.depth, self.manner = depth, manner

    def fit(self, X, y):
        match self.manner:
            case "raise":
                raise FloatingPointError(f"no convergence at depth {self.depth:.0f}")
            case "die":
                os._exit(7)
            case "hang":
                time.sleep(600)
            case "eat":
                kept = []
                while True:
                    kept.append(np.ones(20_000_000))
                    time.sleep(0.02)
            case "print":
                print("noise on the channel", flush=True)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


def lying(graph, x, estimator):
    zeros = np.zeros((estimator.coef_.shape[1], 3))
    return graph.op("Softmax", graph.affine(graph.cast(x, np.float64), zeros, np.zeros(3)), axis=1)
