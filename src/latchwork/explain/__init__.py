"""See inside: which steps moved a decision, and what every gate kept and forgot."""

from latchwork.explain.attribution import Attribution, integrated_gradients
from latchwork.explain.explanation import Explanation, explain
from latchwork.explain.gates import Kept, kept

__all__ = ["Attribution", "Explanation", "Kept", "explain", "integrated_gradients", "kept"]
