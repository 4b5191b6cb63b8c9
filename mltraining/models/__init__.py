"""Versions and who serves them, data sets and training runs, experiments, drift and alerts."""

from .experiments import Experiment, ExperimentLook, ExperimentTransition
from .monitoring import Alert, DriftReport
from .registry import ModelAlias, ModelTransition, ModelVersion
from .training import DatasetSnapshot, TrainingRun

__all__ = [
    "Alert",
    "DatasetSnapshot",
    "DriftReport",
    "Experiment",
    "ExperimentLook",
    "ExperimentTransition",
    "ModelAlias",
    "ModelTransition",
    "ModelVersion",
    "TrainingRun",
]
