"""Fitted steps of this room as JSON and back, without pickle: attributes of its own classes, arrays and plain values, nothing else.

Reading makes objects of classes below `ostinato.preprocess` and of a few of scikit-learn's, and calls nothing that a file names.
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel

from ostinato.core.errors import UsageError

_OWN = "ostinato.preprocess."
_FOREIGN = frozenset({"sklearn.ensemble._iforest:IsolationForest", "sklearn.tree._classes:ExtraTreeRegressor"})
_TREE, _NEIGHBOURS = "sklearn.tree._tree:Tree", "sklearn.neighbors._unsupervised:NearestNeighbors"
_TRANSIENT = frozenset({"_source", "_sets"})  # the table that was learnt from, kept only for statistics on it
_COLLECTIONS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def encode(value: Any) -> Any:
    """A value as JSON. Raises UsageError for what is neither plain nor of this room.

    >>> encode({"n": (1, 2.5), "x": np.array([1.0])})["n"]
    {'$tuple': [1, 2.5]}
    """
    if isinstance(value, np.generic):
        return {"$scalar": _encode_array(np.asarray(value))}
    if value is None or isinstance(value, bool | int | str):
        return value
    writer = next((write for kind, write in _WRITERS.items() if isinstance(value, kind)), _encode_object)
    return writer(value)


def decode(told: Any) -> Any:
    """The value that `encode` told of. Raises UsageError for classes that are not allowed or no longer there.

    >>> decode(encode((1, {2: np.arange(3)})))
    (1, {2: array([0, 1, 2])})
    """
    if isinstance(told, list):
        return [decode(each) for each in told]
    if not isinstance(told, dict):
        return told
    tag = next((key for key in told if key.startswith("$")), None)
    if tag is None:
        return {key: decode(each) for key, each in told.items()}
    if tag[1:] in _COLLECTIONS:
        return _COLLECTIONS[tag[1:]](decode(each) for each in told[tag])
    return _READERS[tag](told) if tag in _READERS else _refused(f"it holds {tag!r}, which is unknown")


def _encode_float(value: float) -> Any:
    return value if np.isfinite(value) else {"$float": str(value)}


def _encode_collection(value: Any) -> dict[str, Any]:
    ordered = value if isinstance(value, tuple) else sorted(value, key=repr)
    return {f"${type(value).__name__}": [encode(each) for each in ordered]}


def _encode_mapping(value: dict[Any, Any]) -> dict[str, Any]:
    plain = all(isinstance(key, str) and not key.startswith("$") for key in value)
    if plain and list(value) == sorted(value):  # files are written with sorted keys, and order may matter
        return {key: encode(each) for key, each in value.items()}
    return {"$pairs": [[encode(key), encode(each)] for key, each in value.items()]}


def _encode_array(array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype == object:
        return {"$objects": [encode(each) for each in array.ravel().tolist()], "shape": list(array.shape)}
    kind: Any = array.dtype.str
    if fields := array.dtype.fields:
        names = list(array.dtype.names or ())
        kind = {"names": names, "formats": [fields[name][0].str for name in names]}
        kind |= {"offsets": [fields[name][1] for name in names], "itemsize": array.dtype.itemsize}
        clean = np.zeros(array.shape, array.dtype)  # what lies between the fields is left over from before
        for name in names:
            clean[name] = array[name]
        array = clean
    content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return {"$array": content, "dtype": kind, "shape": list(array.shape)}


def _encode_object(value: Any) -> dict[str, Any]:
    from ostinato.preprocess.transform.transformer import FeatureTransformer

    name = f"{type(value).__module__}:{type(value).__qualname__}"
    if isinstance(value, FeatureTransformer) and hasattr(value, "blocks_"):
        return {"$transformer": value.description()}
    if isinstance(value, BaseModel):
        return {"$spec": value.model_dump(mode="json")}
    if name == _TREE:
        classes = np.asarray(value.n_classes)
        state = {key: encode(each) for key, each in value.__getstate__().items()}
        return {"$tree": [value.n_features, encode(classes), value.n_outputs], "state": state}
    if name == _NEIGHBOURS:
        return {"$neighbours": encode(value.get_params()), "rows": encode(value._fit_X)}
    if isinstance(value, np.random.RandomState):
        return {"$none": "a random state; what was drawn by it stands beside"}
    if name in _FOREIGN or type(value).__module__.startswith(_OWN):
        kept = {key: encode(each) for key, each in vars(value).items() if key not in _TRANSIENT}
        return {"$object": name, "state": kept}
    raise UsageError(f"a {type(value).__name__} cannot be written as JSON; take another method or strategy")


def _read_object(told: Mapping[str, Any]) -> Any:
    module, _, name = told["$object"].partition(":")
    if not (module.startswith(_OWN) or told["$object"] in _FOREIGN):
        return _refused(f"it names {told['$object']!r}, which is not read")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return _refused(f"it names {told['$object']!r}, which this release does not have")
    if not isinstance(kind, type) or kind.__module__ != module:
        return _refused(f"{told['$object']!r} is no class")
    made: Any = object.__new__(kind)
    made.__dict__.update({key: decode(each) for key, each in told["state"].items()})
    return made


def _read_array(told: Mapping[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(told["dtype"])
    if dtype.hasobject:
        return _refused("an array of objects stands where plain values belong")  # type: ignore[no-any-return]
    content = base64.b64decode(told["$array"], validate=True)
    return np.frombuffer(content, dtype).reshape(told["shape"]).copy()


def _read_objects(told: Mapping[str, Any]) -> NDArray[Any]:
    found = np.empty(len(told["$objects"]), dtype=object)
    found[:] = [decode(each) for each in told["$objects"]]
    return found.reshape(told["shape"])


def _read_tree(told: Mapping[str, Any]) -> Any:
    from sklearn.tree._tree import Tree

    features, classes, outputs = told["$tree"]
    state = {key: decode(each) for key, each in told["state"].items()}
    nodes = state["nodes"]
    inner = nodes["left_child"] >= 0
    children = np.concatenate([nodes["left_child"], nodes["right_child"]])
    # a tree is walked without checks, so that wrong places would read foreign memory
    if children.max(initial=-1) >= len(nodes) or ((nodes["feature"] < 0) | (nodes["feature"] >= features))[inner].any():
        return _refused("a tree of it is damaged")
    tree = Tree(features, decode(classes).astype(np.intp), outputs)
    tree.__setstate__(state)
    return tree


def _read_neighbours(told: Mapping[str, Any]) -> Any:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(**decode(told["$neighbours"])).fit(decode(told["rows"]))


def _read_transformer(told: Mapping[str, Any]) -> Any:
    from ostinato.preprocess.transform.transformer import FeatureTransformer

    return FeatureTransformer.from_description(told["$transformer"])


def _refused(reason: str) -> Any:
    raise UsageError(
        f"the file cannot be read: {reason}; it is damaged or of another release: learn anew and save again"
    )


_WRITERS: dict[Any, Any] = {
    float: _encode_float,
    np.ndarray: _encode_array,
    list: lambda value: [encode(each) for each in value],
    tuple | set | frozenset: _encode_collection,
    dict: _encode_mapping,
    pd.Index: lambda value: {"$index": [encode(each) for each in value.tolist()], "name": encode(value.name)},
    pd.Timestamp: lambda value: {"$time": value.isoformat()},
}
_READERS: dict[str, Any] = {
    "$scalar": lambda told: decode(told["$scalar"])[()],
    "$float": lambda told: float(told["$float"]),
    "$pairs": lambda told: {decode(key): decode(each) for key, each in told["$pairs"]},
    "$index": lambda told: pd.Index(decode(told["$index"]), name=decode(told["name"])),
    "$time": lambda told: pd.Timestamp(told["$time"]),
    "$none": lambda told: None,
    "$spec": lambda told: decode(told["$spec"]),
    "$array": _read_array,
    "$objects": _read_objects,
    "$object": _read_object,
    "$tree": _read_tree,
    "$neighbours": _read_neighbours,
    "$transformer": _read_transformer,
}
