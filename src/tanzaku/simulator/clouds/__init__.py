"""The same brain behind the shapes of Bedrock and Vertex."""

from tanzaku.simulator.clouds._clouds import Clouds

__all__ = ["Clouds"]
