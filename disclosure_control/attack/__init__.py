"""Attack: derive from protected tables what an attacker can, and say whether it is too much: the release gate."""

from disclosure_control.attack.attack import attack, passes
from disclosure_control.attack.plot import plot_intervals
from disclosure_control.attack.recovery import recover

__all__ = ["attack", "passes", "plot_intervals", "recover"]
