"""What all components of a pipeline have in common: a configuration, a stream in, a stream out."""

from typing import Protocol

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.memory.loading import loading_ports
from hdl.streams.formats import StreamFormat

__all__ = ["StreamComponent", "StreamConfig"]


class StreamConfig(Protocol):
    """A configuration that knows the formats of both streams."""

    source: StreamFormat
    target: StreamFormat


class StreamComponent(wiring.Component):
    """Base of the components whose ports follow from their configuration alone.

    Parameters
    ----------
    config : StreamConfig

    Members
    -------
    i : In(stream.Signature(config.source.payload))
    o : Out(stream.Signature(config.target.payload))
    load : In(Chain()), loaded : Out(Chain())
        If the configuration has a true `loads`.
    """

    def __init__(self, config: StreamConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.source.payload)),
                "o": Out(stream.Signature(config.target.payload)),
                **loading_ports(getattr(config, "loads", False)),
            }
        )
