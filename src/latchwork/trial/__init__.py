"""The fair trial: which cell suits your data, and how sure that is."""

from latchwork.trial.baselines import baselines_for
from latchwork.trial.cells import CellCandidate, cell_candidates
from latchwork.trial.results import Run, TrialResult
from latchwork.trial.runner import Candidate, Fitted, Progress, run_trial
from latchwork.trial.verdict import Comparison, Verdict, judge

__all__ = [
    "Candidate",
    "CellCandidate",
    "Comparison",
    "Fitted",
    "Progress",
    "Run",
    "TrialResult",
    "Verdict",
    "baselines_for",
    "cell_candidates",
    "judge",
    "run_trial",
]
