"""Stages in the order in which data passes them, and the adapters between unlike streams."""

from collections.abc import Callable
from typing import Any

from hdl.conv.window import Window, WindowConfig, WindowFormat
from hdl.design import Stage
from hdl.streams.collect import Collect, CollectConfig
from hdl.streams.compact import Compact, CompactConfig
from hdl.streams.expand import Expand, ExpandConfig
from hdl.streams.formats import DenseFormat, EntryFormat, StreamFormat, WinnersFormat
from hdl.streams.regroup import Regroup, RegroupConfig
from hdl.streams.unpack import Unpack, UnpackConfig

__all__ = ["PipelineBuilder"]


class PipelineBuilder:
    """Append stages to a pipeline.

    Parameters
    ----------
    source : DenseFormat
        What enters the first stage.

    Attributes
    ----------
    flowing : StreamFormat or WindowFormat
        What leaves the last stage so far.
    """

    def __init__(self, source: DenseFormat) -> None:
        self.flowing: StreamFormat | WindowFormat = source
        self.stages: list[Stage] = []

    def add(
        self,
        name: str,
        kind: str,
        component: Callable[[Any], Any],
        config: Any,
        *,
        target: StreamFormat | WindowFormat | None = None,
        layer: str | None = None,
    ) -> None:
        """Append a stage; `target` is the configuration's own unless it has none."""
        self.stages.append(
            Stage(
                name=name,
                kind=kind,
                config=config,
                component=component,
                source=self.flowing,
                target=target or config.target,
                layer=layer,
            )
        )
        self.flowing = self.stages[-1].target

    def to_dense(self, name: str) -> DenseFormat:
        """Let every element travel."""
        if isinstance(self.flowing, WinnersFormat):
            self.add(
                f"{name}_expand",
                "expand",
                Expand,
                ExpandConfig(source=self.flowing, lanes=self.flowing.shape[0]),
            )
        assert isinstance(self.flowing, DenseFormat), self.flowing
        return self.flowing

    def to_pixels(self, name: str) -> DenseFormat:
        """Let every element travel, of one pixel at a time."""
        return self.regroup(name, self.to_dense(name).lanes)

    def to_winners(self, name: str) -> WinnersFormat:
        """Put all nonzeros of a pixel into one beat."""
        if isinstance(self.flowing, DenseFormat):
            self.add(f"{name}_collect", "collect", Collect, CollectConfig(source=self.to_pixels(name)))
        assert isinstance(self.flowing, WinnersFormat), self.flowing
        return self.flowing

    def to_entries(self, name: str, at_most: int) -> EntryFormat:
        """List the nonzeros of a frame, of which there are `at_most`."""
        if isinstance(self.flowing, WinnersFormat):
            self.add(f"{name}_unpack", "unpack", Unpack, UnpackConfig(source=self.flowing))
        elif isinstance(self.flowing, DenseFormat):
            config = CompactConfig(source=self.to_pixels(name), at_most=at_most)
            self.add(f"{name}_compact", "compact", Compact, config)
        assert isinstance(self.flowing, EntryFormat), self.flowing
        return self.flowing

    def regroup(self, name: str, lanes: int) -> DenseFormat:
        """Narrow a dense stream to one pixel a beat, and to the fewest lanes that do and divide its own."""
        stream = self.to_dense(name)
        fitting = min(
            d for d in range(1, stream.lanes + 1) if stream.lanes % d == 0 and d >= min(lanes, stream.lanes)
        )
        if fitting < stream.elements:
            self.add(f"{name}_regroup", "regroup", Regroup, RegroupConfig(source=stream, lanes=fitting))
        assert isinstance(self.flowing, DenseFormat)
        return self.flowing

    def narrow(self, name: str, columns: int) -> None:
        """Cut the wide beats of a dense stream to fewer pixels."""
        stream = self.flowing
        assert isinstance(stream, DenseFormat), stream
        if columns < stream.columns:
            config = RegroupConfig(source=stream, lanes=stream.lanes, columns=columns)
            self.add(f"{name}_narrow", "regroup", Regroup, config)

    def windows(
        self,
        name: str,
        kernel: tuple[int, int],
        padding: tuple[int, int, int, int],
        hold_cycles: int,
        columns: int = 1,
        holders: int = 1,
        constant_time: bool = True,
    ) -> WindowConfig:
        """Slide a window over the pixels, by that many columns a step; return how."""
        pixel, pixels_per_beat = self.flowing, 1
        assert isinstance(pixel, DenseFormat | WinnersFormat), pixel
        if isinstance(pixel, DenseFormat):
            pixel, pixels_per_beat = pixel.single, pixel.columns
        config = WindowConfig(
            bits=pixel.payload.size,
            height=pixel.shape[1],
            width=pixel.shape[2],
            kernel=kernel,
            padding=padding,
            pixels_per_beat=pixels_per_beat,
            windows_per_beat=columns,
            hold_cycles=hold_cycles,
            holders=holders,
            constant_time=constant_time,
        )
        target = WindowFormat(pixel, config.taps, columns)
        self.add(f"{name}_window", "window", Window, config, target=target)
        return config
