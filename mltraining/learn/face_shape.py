"""Fit the face-shape ensemble: symmetric Procrustes shape and named ratios, noisy inputs, small perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from mltraining.learn.face_shape_noise import disturbed
from recommendations.engine.face_shape import CLASSES, FaceShapeModel, align, half_shape, symmetric
from recommendations.engine.measurements import frontal, measure_array


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an ensemble is trained; the defaults won grouped cross-validation (docs/models/face-shape.md)."""

    components: int = 200
    hidden: tuple[int, ...] = (128, 64)
    members: int = 8
    noise: float = 0.5  # sd added to each standardised feature at every step
    disturbances: int = 8  # renderings imitated per face, see ``face_shape_noise``
    dropout: float = 0.3
    label_smoothing: float = 0.1
    weight_decay: float = 1e-2
    learning_rate: float = 2e-3
    epochs: int = 120
    batch: int = 128
    seed: int = 20260101


@dataclass(frozen=True, slots=True)
class Described:
    """Faces with everything the model may look at: ``ratios`` (n, r) and ``shapes`` (n, 759), and the reference they lie in."""

    ratios: np.ndarray
    shapes: np.ndarray
    reference: np.ndarray


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), as the serving code computes it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(1.702 * x)


def mean_face(landmarks: np.ndarray, rounds: int = 4) -> np.ndarray:
    """(n, 478, 3) -> (478, 3): generalised Procrustes mean, symmetric, centred, of unit root-mean-square radius."""
    faces = frontal(landmarks)
    mean = _unit(symmetric(faces.mean(axis=0)))
    for _ in range(rounds):
        mean = _unit(symmetric(align(faces, mean).mean(axis=0)))
    return mean


def describe(landmarks: np.ndarray, reference: np.ndarray | None = None) -> Described:
    """All features before reduction. The reference uses no labels; give one to describe faces as an existing model does."""
    known = mean_face(landmarks) if reference is None else reference
    return Described(measure_array(landmarks), half_shape(landmarks, known), known)


def imitate(landmarks: np.ndarray, reference: np.ndarray, noise: np.ndarray, recipe: Recipe) -> list[Described]:
    """The same faces as other renderings might have shown them, ``recipe.disturbances`` times."""
    rng = np.random.default_rng(recipe.seed)
    return [describe(disturbed(landmarks, reference, noise, rng), reference) for _ in range(recipe.disturbances)]


def fit(
    faces: Described,
    labels: np.ndarray,
    train: np.ndarray,
    recipe: Recipe,
    *,
    imitations: Sequence[Described] = (),
    progress: Callable[[int, int], None] | None = None,
) -> FaceShapeModel:
    """Train on the rows ``train`` of ``faces`` and of their ``imitations``; deterministic for one recipe on one machine."""
    shapes, ratios = faces.shapes[train], faces.ratios[train]
    centre = shapes.mean(axis=0)
    _, _, directions = np.linalg.svd(shapes - centre, full_matrices=False)
    basis = directions[: recipe.components]
    raw = np.hstack([ratios, (shapes - centre) @ basis.T])
    mean, scale = raw.mean(axis=0), raw.std(axis=0) + 1e-9
    looks = [raw, *(np.hstack([f.ratios[train], (f.shapes[train] - centre) @ basis.T]) for f in imitations)]
    inputs = torch.tensor((np.stack(looks) - mean) / scale, dtype=torch.float32)
    targets = torch.tensor(labels[train])
    members = []
    for number in range(recipe.members):
        members.append(_member(inputs, targets, recipe, recipe.seed + number))
        if progress:
            progress(number + 1, recipe.members)
    layers = tuple(
        (np.stack([m[i][0] for m in members]), np.stack([m[i][1] for m in members])[:, None]) for i in range(len(members[0]))
    )
    quantiles = np.quantile(ratios, np.linspace(0, 1, 101), axis=0).T
    return FaceShapeModel(
        reference=faces.reference, centre=centre, basis=basis, mean=mean, scale=scale, quantiles=quantiles, layers=layers,
        temperature=1.0, clear=1.0, mixed=1.0, version="unpublished",
    )  # fmt: skip


def predict(model: FaceShapeModel, faces: Described, rows: np.ndarray) -> np.ndarray:
    """(len(rows), 5) probabilities of single views."""
    components = (faces.shapes[rows] - model.centre) @ model.basis.T
    return model.classify((np.hstack([faces.ratios[rows], components]) - model.mean) / model.scale)


def _member(inputs: torch.Tensor, targets: torch.Tensor, recipe: Recipe, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """One perceptron on (looks, n, d) inputs: at every step each face is seen in one of its looks, with noise."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    looks, count, width = inputs.shape
    sizes = (width, *recipe.hidden)
    modules: list[nn.Module] = []
    for i, o in pairwise(sizes):
        modules += [nn.Linear(i, o), QuickGELU(), nn.Dropout(recipe.dropout)]
    net = nn.Sequential(*modules, nn.Linear(sizes[-1], len(CLASSES)))
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = -(-count // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=recipe.epochs * steps)
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    net.train()
    for _ in range(recipe.epochs):
        for rows in torch.randperm(count, generator=generator).split(recipe.batch):
            look = torch.randint(0, looks, (len(rows),), generator=generator)
            noisy = inputs[look, rows] + recipe.noise * torch.randn((len(rows), width), generator=generator)
            optimizer.zero_grad()
            loss(net(noisy), targets[rows]).backward()
            optimizer.step()
            schedule.step()
    linear = [m for m in net if isinstance(m, nn.Linear)]
    return [(m.weight.detach().numpy().T.astype(np.float64), m.bias.detach().numpy().astype(np.float64)) for m in linear]


def _unit(face: np.ndarray) -> np.ndarray:
    centred = face - face.mean(axis=0)
    return centred / np.sqrt((centred**2).sum(axis=1).mean())
