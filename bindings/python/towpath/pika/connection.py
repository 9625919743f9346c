"""What a connection is asked for: parameters, all of which are accepted and checked as pika does.

The virtual host names the bus; `blocked_connection_timeout` bounds the wait for a full queue. The
other parameters change nothing here.
"""

from __future__ import annotations

import ast
from numbers import Real
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from towpath.pika.credentials import VALID_TYPES, PlainCredentials
from towpath.pika.spec import FRAME_MAX_SIZE, FRAME_MIN_SIZE

_CHANNELS = 65535


def _number(name: str, value: object, lowest: float, kinds: Any = Real) -> Any:
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{name} must be a number, but got {value!r}")
    if value < lowest:
        raise ValueError(f"{name} must be >= {lowest}, but got {value!r}")
    return value


def _integer(name: str, value: object, lowest: int, highest: int) -> int:
    _number(name, value, lowest, int)
    if value > highest:
        raise ValueError(f"{name} must be <= {highest}, but got {value!r}")
    return value


def _positive(name: str, value: object) -> float | None:
    if value is None:
        return None
    if _number(name, value, 0) == 0:
        raise ValueError(f"{name} must be > 0, but got {value!r}")
    return float(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str or unicode str, but got {value!r}")
    return value


def _checked(name: str, value: Any) -> Any:
    """The value of a parameter, as it is kept. Errors: TypeError, ValueError."""
    if name in ("host", "virtual_host", "locale"):
        return _text(name, value)
    if name == "port":
        try:
            return int(value)
        except (TypeError, ValueError):
            raise TypeError(f"port must be an int, but got {value!r}") from None
    if name == "channel_max":
        return _integer(name, value, 1, _CHANNELS)
    if name == "frame_max":
        return _integer(name, value, FRAME_MIN_SIZE, FRAME_MAX_SIZE)
    if name == "connection_attempts":
        return _number(name, value, 1, int)
    if name == "retry_delay":
        return _number(name, value, 0)
    if name in ("socket_timeout", "stack_timeout"):
        return _positive(name, value)
    if name == "blocked_connection_timeout":
        return None if value is None else _number(name, value, 0)
    if name == "heartbeat":
        return value if value is None or callable(value) else _number(name, value, 0, int)
    if name == "credentials" and not isinstance(value, VALID_TYPES):
        raise TypeError(f"credentials must be an object of type: {VALID_TYPES!r}, but got "
                        f"{value!r}")  # fmt: skip
    if name in ("client_properties", "tcp_options") and not isinstance(value, (dict, type(None))):
        raise TypeError(f"{name} must be dict or None, but got {value!r}")
    return value


class Parameters:
    """What all parameters have in common: names, defaults, checks of what is assigned."""

    _DEFAULTS: dict[str, Any] = {
        "host": "localhost", "port": 5672, "virtual_host": "/",
        "credentials": PlainCredentials("guest", "guest"), "channel_max": _CHANNELS,
        "frame_max": FRAME_MAX_SIZE, "heartbeat": None, "ssl_options": None,
        "connection_attempts": 1, "retry_delay": 2.0, "socket_timeout": 10.0,
        "stack_timeout": 15.0, "locale": "en_US", "blocked_connection_timeout": None,
        "client_properties": None, "tcp_options": None,
    }  # fmt: skip

    def __init__(self) -> None:
        for name, value in self._DEFAULTS.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, _checked(name, value))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (f"<{type(self).__name__} host={self.host} port={self.port} "
                f"virtual_host={self.virtual_host} ssl={bool(self.ssl_options)}>")  # fmt: skip


class ConnectionParameters(Parameters):
    """Parameters by name; see the module. `virtual_host` "/" is the bus `rabbitmq`, any other name
    the bus of that name, where other programs of the bus find the same queues.
    """

    def __init__(self, host: str = "localhost", port: int = 5672, virtual_host: str = "/",
                 credentials: Any = Parameters._DEFAULTS["credentials"], *positional: Any,
                 **named: Any) -> None:  # fmt: skip
        super().__init__()
        names = [name for name in self._DEFAULTS][4:]
        if len(positional) > len(names):
            raise TypeError("ConnectionParameters takes at most 16 arguments")
        given = {"host": host, "port": port, "virtual_host": virtual_host,
                 "credentials": credentials, **dict(zip(names, positional))}  # fmt: skip
        unknown = {name: value for name, value in named.items() if name not in self._DEFAULTS}
        if unknown:
            raise TypeError(f"unexpected kwargs: {unknown!r}")
        for name, value in {**given, **named}.items():
            setattr(self, name, value)


class URLParameters(Parameters):
    """Parameters of a URL, amqp://user:password@host:port/virtual_host?name=value."""

    _NUMBERS = {"channel_max": int, "frame_max": int, "heartbeat": int, "connection_attempts": int,
                "retry_delay": float, "socket_timeout": float, "stack_timeout": float,
                "blocked_connection_timeout": float}  # fmt: skip

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        if parts.scheme not in ("amqp", "amqps", "http", "https"):
            raise ValueError(f"Unexpected URL scheme {parts.scheme!r}; supported scheme values: "
                             "amqp and amqps")  # fmt: skip
        if parts.scheme in ("amqps", "https"):
            self.port = 5671
        if parts.hostname is not None:
            self.host = parts.hostname
        if parts.port is not None:
            self.port = parts.port
        if parts.username is not None:
            self.credentials = PlainCredentials(unquote(parts.username),
                                                unquote(parts.password or ""))  # fmt: skip
        if len(parts.path) > 1:
            self.virtual_host = unquote(parts.path.split("/")[1])
        for name, values in parse_qs(parts.query).items():
            self._set(name, values)

    def _set(self, name: str, values: list[str]) -> None:
        if len(values) > 1:
            raise ValueError(f"Expected exactly one value for URL parameter {name}, "
                             f"but got {len(values)} values: {values}")  # fmt: skip
        text = values[0]
        if name in self._NUMBERS:
            try:
                setattr(self, name, self._NUMBERS[name](text))
            except ValueError as error:
                raise ValueError(f"Invalid {name} value {text!r}: {error}") from None
        elif name in ("locale", "backpressure_detection"):
            if name == "locale":
                self.locale = text
        elif name in ("client_properties", "tcp_options", "ssl_options"):
            setattr(self, name, ast.literal_eval(text))
        else:
            raise ValueError(f"Unknown URL parameter: {name!r}")


class SSLOptions:
    """Accepted; there is no connection to encrypt."""

    def __init__(self, context: Any, server_hostname: str | None = None) -> None:
        self.context = context
        self.server_hostname = server_hostname
