"""What the noise of each series is, at a price."""

import math
from dataclasses import dataclass

from disclosure_control.privacy.design import Design
from disclosure_control.privacy.measures import UNITS, Quantile, Series
from disclosure_control.privacy.mechanisms import Choice, Kind, error_of, scale_of
from disclosure_control.privacy.sensitivity import score_sensitivity


@dataclass(frozen=True)
class Errors:
    """What each series' noise is, at a price."""

    design: Design
    split: dict[Series, int]

    def kind(self, series: Series) -> Kind:
        """Unknown keys are told of by Laplace noise, whatever the rest has."""
        return "laplace" if self.design.unknown and series == UNITS else self.design.kind

    def scale(self, series: Series) -> float:
        """The noise's scale, in whole numbers of the series."""
        return scale_of(self.kind(series), self.split[series], self.design.sensitivity(series))

    def error(self, series: Series, alpha: float) -> float:
        """What the noise of a series exceeds with probability alpha at most, in its own units."""
        return error_of(self.kind(series), self.scale(series), alpha) * float(series.unit)

    def deviation(self, series: Series) -> float:
        """No less than the noise's standard deviation, in the series' own units."""
        spread = self.scale(series) * (math.sqrt(2.0) if self.kind(series) == "laplace" else 1.0)
        return spread * float(series.unit)

    def choice(self, measure: Quantile, series: Series) -> Choice:
        change = score_sensitivity(int(measure.q * 1000), self.design.rows)
        return Choice(self.split[series], change, self.design.groups)
