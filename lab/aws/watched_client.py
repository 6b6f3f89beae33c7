"""A client of the SDK whose calls somebody else makes: to note them, to hold them back, or to let them fail."""

from __future__ import annotations

from typing import Any, Callable, Dict

#: Operation, the client's method for it, and its parameters -> the answer.
Call = Callable[[str, Callable[..., Any], Dict[str, Any]], Any]


class WatchedClient:
    """A client of botocore; each operation goes to ``call``, everything else to the client."""

    def __init__(self, client: Any, call: Call) -> None:
        self._client, self._call = client, call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        operation = self._client.meta.method_to_api_mapping.get(name)
        if not operation:
            return method
        return lambda **given: self._call(operation, method, given)
