"""The fair trial: which cell suits your data, and how sure that is."""

from latchwork.trial.baselines import baselines_for
from latchwork.trial.cells import CellCandidate, cell_candidates
from latchwork.trial.metric import Metric
from latchwork.trial.problem import Problem
from latchwork.trial.problems import ClassifyProblem, ForecastProblem, GenerateProblem, TagProblem, problem_for
from latchwork.trial.results import Run, TrialResult
from latchwork.trial.runner import Candidate, Fitted, Progress, run_trial
from latchwork.trial.verdict import Comparison, Verdict, judge

__all__ = [
    "Candidate",
    "CellCandidate",
    "ClassifyProblem",
    "Comparison",
    "Fitted",
    "ForecastProblem",
    "GenerateProblem",
    "Metric",
    "Problem",
    "Progress",
    "Run",
    "TagProblem",
    "TrialResult",
    "Verdict",
    "baselines_for",
    "cell_candidates",
    "judge",
    "problem_for",
    "run_trial",
]
