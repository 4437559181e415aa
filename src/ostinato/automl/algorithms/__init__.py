"""Small estimators of our own with scikit-learn's conventions, each of which writes itself as an ONNX graph in closed form.

The arithmetic of an estimator and the operators that repeat it stand side by side, so that a change of one shows the other.
"""
