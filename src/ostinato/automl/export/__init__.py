"""Fitted estimators as ONNX graphs written by hand: few operators, fixed names, the same bytes each time."""
