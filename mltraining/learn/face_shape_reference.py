"""Two methods from the textbook, cross-validated beside the model so that its own figures can be judged."""

from __future__ import annotations

from typing import Final

import numpy as np

from mltraining.learn.face_shape import Described
from recommendations.engine.face_shape import CLASSES

COMPONENTS: Final = 60
PENALTY: Final = 3.0


def shrinkage_lda(faces: Described, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(len(test), 5) probabilities: linear discriminant analysis of the named ratios, covariance shrunk as Ledoit and Wolf
    ("Honey, I shrunk the sample covariance matrix", 2004)."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    method = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    return np.asarray(method.fit(faces.ratios[train], labels[train]).predict_proba(faces.ratios[test]))


def procrustes_svm(faces: Described, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(len(test), 5) probabilities: Procrustes shape, 60 principal components, support vectors with a Gaussian kernel, scaled to
    probabilities on inner folds. The best of 40 and 60 components and of C = 1, 3 and 10 under grouped folds."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    components = min(COMPONENTS, len(train) // 2)
    scaled = CalibratedClassifierCV(SVC(C=PENALTY), ensemble=False, cv=2)
    method = make_pipeline(PCA(components, random_state=0), StandardScaler(), scaled)
    return np.asarray(method.fit(faces.shapes[train], labels[train]).predict_proba(faces.shapes[test]))


METHODS: Final = {"shrinkage_lda": shrinkage_lda, "procrustes_svm": procrustes_svm}
Folds = list[tuple[np.ndarray, np.ndarray]]


def cross_validated(faces: Described, labels: np.ndarray, folds: dict[str, Folds]) -> dict[str, dict[str, np.ndarray]]:
    """Method -> kind of folds -> (n, 5) probabilities, each from a fit without that face."""
    result: dict[str, dict[str, np.ndarray]] = {}
    for name, method in METHODS.items():
        result[name] = {}
        for kind, pairs in folds.items():
            p = result[name][kind] = np.zeros((len(labels), len(CLASSES)))
            for train, test in pairs:
                p[test] = method(faces, labels, train, test)
    return result
