"""scikit-learn's conventions without scikit-learn: parameters that are what the constructor stored.

An estimator that has to be loaded where only NumPy is installed derives from `Parameters`; `sklearn.base.clone`, pipelines and
grid searches take it like any other.
"""

from __future__ import annotations

import inspect
from typing import Any, Self

from ostinato.core.errors import UsageError


class Parameters:
    """`get_params`, `set_params` and a repr, read off the constructor's signature."""

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change arguments; raises UsageError for a name that there is not."""
        names = self._names()
        for name, value in params.items():
            if name not in names:
                raise UsageError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(names)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [f"{name}={value!r}" for name, value in self.get_params().items() if value != defaults[name].default]
        return f"{type(self).__name__}({', '.join(changed)})"
