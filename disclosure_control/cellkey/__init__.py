"""The cell-key method: perturbation tables, and consistent noise for counts and magnitudes."""

from disclosure_control.cellkey.builder import build_ptable
from disclosure_control.cellkey.perturbation import PerturbationReport, PerturbedTable, perturb
from disclosure_control.cellkey.ptable import PTable

__all__ = ["PTable", "PerturbationReport", "PerturbedTable", "build_ptable", "perturb"]
