"""The calls of a channel about exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from towpath.pika import frame, spec
from towpath.pika.arguments import Refusal
from towpath.pika.channel_state import ChannelState, call, require_text
from towpath.pika.exchange_type import ExchangeType
from towpath.pika.queues import binding_arguments, refuse_default


class ExchangeCalls(ChannelState):
    """Declaring, binding and deleting exchanges."""

    @call
    def exchange_declare(self, exchange: str, exchange_type: str = ExchangeType.direct,
                         passive: bool = False, durable: bool = False, auto_delete: bool = False,
                         internal: bool = False,
                         arguments: Mapping[str, Any] | None = None) -> frame.Method:  # fmt: skip
        """Makes an exchange, or says that it is there. `arguments`: alternate-exchange. Errors:
        ChannelClosedByBroker 404 (passive), 406 (declared otherwise), 403 (a reserved name),
        ConnectionClosedByBroker 503 (an unknown type).
        """
        require_text(exchange, "exchange")
        refuse_default(exchange)
        host = self.connection.host
        if passive:
            host.exchange(exchange)
        else:
            host.declare_exchange(exchange, str(getattr(exchange_type, "value", exchange_type)),
                                  durable=durable, auto_delete=auto_delete, internal=internal,
                                  arguments=arguments)  # fmt: skip
        return self.answer(spec.Exchange.DeclareOk())

    @call
    def exchange_delete(self, exchange: str | None = None,
                        if_unused: bool = False) -> frame.Method:  # fmt: skip
        """Deletes an exchange with its bindings. One that is missing is deleted."""
        refuse_default(exchange or "")
        self.connection.host.delete_exchange(require_text(exchange, "exchange"), if_unused)
        return self.answer(spec.Exchange.DeleteOk())

    @call
    def exchange_bind(self, destination: str, source: str, routing_key: str = "",
                      arguments: Mapping[str, Any] | None = None) -> frame.Method:  # fmt: skip
        """Lets messages of the exchange `source` that match go on to `destination`."""
        require_text(destination, "destination")
        require_text(source, "source")
        refuse_default(destination)
        refuse_default(source)
        host = self.connection.host
        to = host.exchange(destination)
        with host.binding(source, made=True) as exchange:
            exchange.bind_exchange(to, routing_key, binding_arguments(exchange, arguments))
        return self.answer(spec.Exchange.BindOk())

    @call
    def exchange_unbind(self, destination: str | None = None, source: str | None = None,
                        routing_key: str = "",
                        arguments: Mapping[str, Any] | None = None) -> frame.Method:  # fmt: skip
        """Takes a binding away, if it is there."""
        refuse_default(source or "")
        host = self.connection.host
        try:
            to = host.exchange(require_text(destination, "destination"))
            with host.binding(source, made=False) as exchange:
                exchange.unbind_exchange(to, routing_key, binding_arguments(exchange, arguments))
        except Refusal as refused:
            if refused.code != 404:
                raise
        return self.answer(spec.Exchange.UnbindOk())
