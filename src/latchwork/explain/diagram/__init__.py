"""The illustrated cell: a picture of any cell, laid out by rule from its graph.

``scene`` lays it out, ``svg`` draws it; between them stands a plain description that the report's page draws too.
"""

from latchwork.explain.diagram.scene import Node, Scene, Wire, scene
from latchwork.explain.diagram.svg import svg

__all__ = ["Node", "Scene", "Wire", "scene", "svg"]
