"""Optimisers behind one interface: a space as data, points asked for and told, budgets, and studies that can be taken up again.

Start with `OptunaOptimizer` in `optimizer.py`, which tunes any function, or `ModelOptimizer` in `model.py`, which tunes a model.
"""
