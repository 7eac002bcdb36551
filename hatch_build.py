"""Put the shared folders into the wheel.

In a checkout host/altgate/{protocol,rig,firmware} are links. The builder enters each real folder only once,
so a wheel would lack the two that lie inside firmware/; an editable install needs no copy at all.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedFolders(BuildHookInterface):  # type: ignore[type-arg]
    """Adds what a plain wheel lacks."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build; ``version`` is "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"]["firmware/protocol"] = "altgate/protocol"
            build_data["force_include"]["firmware/sim/rig"] = "altgate/rig"
