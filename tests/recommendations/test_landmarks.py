"""Faces are found wherever they are, and their measurements do not depend on how the photo was held."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from recommendations.engine import landmarks, measurements, mesh_topology, perspective
from recommendations.engine.face_shape import align, mirrored, symmetric
from recommendations.engine.landmarks import View

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def mesh(face_photo: np.ndarray) -> np.ndarray:
    finder = landmarks.finder()
    return finder.look(face_photo, finder.find(face_photo)[0], landmarks.FIRST_VIEWS).mean(axis=0)


def turned(mesh: np.ndarray, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """The mesh as a rigid body, turned about its own centre by degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    centre = mesh.mean(axis=0)
    return (mesh - centre) @ (about_z @ about_x @ about_y).T + centre


def test_partners_are_an_involution_and_keep_the_features() -> None:
    mirror = mesh_topology.MIRROR
    assert (mirror[mirror] == np.arange(mesh_topology.POINTS)).all()
    assert [int(mirror[i]) for i in mesh_topology.RIGHT_EYE] == list(mesh_topology.LEFT_EYE)
    assert [int(mirror[i]) for i in mesh_topology.RIGHT_BROW] == list(mesh_topology.LEFT_BROW)
    assert {int(mirror[i]) for i in mesh_topology.RIGHT_IRIS} == set(mesh_topology.LEFT_IRIS)
    assert len(mesh_topology.OUTLINE) == len(set(mesh_topology.OUTLINE)) == 36


def test_the_face_is_where_it_is(mesh: np.ndarray) -> None:
    eyes = mesh[[33, 133, 362, 263], :2].mean(axis=0)
    assert np.abs(eyes - (226, 115)).max() < 12
    assert 80 < landmarks.face_width(mesh) < 105


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 5.0])
def test_found_at_any_size_in_its_own_pixels(face_photo: np.ndarray, mesh: np.ndarray, factor: float) -> None:
    resized = cv2.resize(face_photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    faces = landmarks.finder().find(resized)
    assert len(faces) == 1
    assert landmarks.face_width(faces[0]) == pytest.approx(factor * landmarks.face_width(mesh), rel=0.08)


def test_a_small_face_in_a_large_photo_is_found(face_photo: np.ndarray) -> None:
    wide = np.full((1500, 2200, 3), 120, np.uint8)
    wide[900:1156, 1500:1756] = cv2.resize(face_photo, (256, 256), interpolation=cv2.INTER_AREA)
    faces = landmarks.finder().find(wide)
    assert len(faces) == 1
    assert 1560 < faces[0][1, 0] < 1660
    assert 930 < faces[0][1, 1] < 1000


def test_a_face_that_fills_the_frame_is_found(face_photo: np.ndarray, mesh: np.ndarray) -> None:
    low, high = mesh[:, :2].min(0).astype(int), mesh[:, :2].max(0).astype(int)
    tight = np.ascontiguousarray(face_photo[low[1] - 4 : high[1] + 4, low[0] - 4 : high[0] + 4])
    assert len(landmarks.finder().find(tight)) == 1


def test_faces_come_widest_first(face_photo: np.ndarray) -> None:
    small = cv2.resize(face_photo, (330, 330), interpolation=cv2.INTER_AREA)
    both = np.zeros((512, 850, 3), np.uint8)
    both[:330, :330], both[:, 338:] = small, face_photo
    faces = landmarks.finder().find(both)
    assert len(faces) == 2
    assert landmarks.face_width(faces[0]) > 1.3 * landmarks.face_width(faces[1])


@pytest.mark.parametrize(
    "view", [View(), View(degrees=6, margin=0), View(scale=0.8), View(mirrored=True), View(degrees=-5, mirrored=True)]
)
def test_a_view_finds_the_same_points_again(face_photo: np.ndarray, mesh: np.ndarray, view: View) -> None:
    again = landmarks.finder().look_again(face_photo, mesh, view)
    assert again is not None
    off = np.linalg.norm(again[:, :2] - mesh[:, :2], axis=1).mean() / landmarks.face_width(mesh)
    assert off < 0.03


def test_render_puts_points_where_its_map_says(face_photo: np.ndarray, mesh: np.ndarray) -> None:
    view = View(degrees=4.0, margin=0.2)
    picture, to_view = landmarks.render(face_photo, mesh, view)
    nose = mesh[1, :2] @ to_view[:, :2].T + to_view[:, 2]
    seen = picture[round(nose[1]), round(nose[0])].astype(int)
    known = face_photo[round(mesh[1, 1]), round(mesh[1, 0])].astype(int)
    assert np.abs(seen - known).max() < 40
    drawn = mesh[list(mesh_topology.OUTLINE), :2] @ to_view[:, :2].T + to_view[:, 2]
    assert drawn.min() > 0
    assert (drawn < picture.shape[1::-1]).all()


def test_a_strong_reduction_does_not_alias() -> None:
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255
    small = landmarks.warp(stripes, np.array([[0.1, 0, 0], [0, 0.1, 0]]), (100, 100))
    assert np.abs(small[10:90, 10:90].astype(int) - 127).max() < 12


@pytest.mark.parametrize("pose", [{"yaw": 12.0}, {"pitch": 10.0}, {"roll": 30.0}, {"yaw": -9.0, "pitch": 7.0, "roll": -15.0}])
def test_measurements_do_not_depend_on_pose_size_or_place(mesh: np.ndarray, pose: dict[str, float]) -> None:
    straight = measurements.measure_array(mesh)
    moved = measurements.measure_array(3.7 * turned(mesh, **pose) + (120, -40, 9))
    np.testing.assert_allclose(moved, straight, rtol=1e-6)


def test_measurements_are_the_same_in_the_mirror(mesh: np.ndarray) -> None:
    np.testing.assert_allclose(measurements.measure_array(mirrored(mesh)), measurements.measure_array(mesh), rtol=1e-9)


def test_measurements_of_many_faces_are_those_of_each(mesh: np.ndarray) -> None:
    two = np.stack([mesh, turned(mesh, roll=5) * (1.1, 1.0, 1.0)])
    together = measurements.measure_array(two)
    for one, row in zip(two, together, strict=True):
        np.testing.assert_allclose(measurements.measure_array(one), row)
    assert set(measurements.HEADLINES) <= set(measurements.measure(mesh)) == set(measurements.NAMES)


def test_measurements_mean_what_they_are_called(mesh: np.ndarray) -> None:
    values = measurements.measure(mesh)
    longer = measurements.measure(measurements.frontal(mesh) * (1, 1.15, 1))
    assert longer["length_to_width"] > 1.08 * values["length_to_width"]
    assert values["upper_third"] + values["middle_third"] + values["lower_third"] == pytest.approx(1.0, abs=0.12)
    wide_jaw = measurements.frontal(mesh).copy()
    wide_jaw[[172, 397], 0] *= 1.1
    assert measurements.measure(wide_jaw)["jaw_to_cheek"] > values["jaw_to_cheek"]
    assert 150 < values["jaw_angle"] < 175


@pytest.mark.parametrize(("axis", "index"), [("yaw", 0), ("pitch", 1), ("roll", 2)])
def test_pose_is_read_in_degrees(mesh: np.ndarray, axis: str, index: int) -> None:
    before = measurements.pose_degrees(mesh)[index]
    after = measurements.pose_degrees(turned(mesh, **{axis: 14.0}))[index]
    assert abs(after - before) == pytest.approx(14.0, abs=2.0)


def test_percentiles_run_from_0_to_100() -> None:
    quantiles = np.stack([np.linspace(0, 1, 101), np.linspace(10, 20, 101)])
    assert measurements.percentiles(np.array([-5.0, 12.5]), quantiles).tolist() == [0.0, 25.0]
    assert measurements.percentiles(np.array([0.5, 99.0]), quantiles).tolist() == [50.0, 100.0]


def test_alignment_undoes_a_similarity(mesh: np.ndarray) -> None:
    reference = mesh - mesh.mean(axis=0)
    moved = 2.5 * turned(mesh, yaw=20, roll=40) + 300
    np.testing.assert_allclose(align(moved[None], reference)[0], reference, atol=1e-6)
    face = measurements.frontal(mesh)
    np.testing.assert_allclose(symmetric(face), mirrored(symmetric(face)), atol=1e-12)


def test_distance_from_the_iris(mesh: np.ndarray) -> None:
    """An iris of 11.7 mm that spans as many pixels as the focal length is 11.7 mm away."""
    focal_px = perspective.iris_diameter(mesh)
    distance, low, high = perspective.distance_interval_mm(np.stack([mesh, mesh]), focal_px)
    assert distance == pytest.approx(perspective.IRIS_MM)
    assert 0.9 * distance < low < distance < high < 1.1 * distance
    _, wider_low, wider_high = perspective.distance_interval_mm(np.stack([0.9 * mesh, 1.1 * mesh]), focal_px)
    assert wider_low < low
    assert wider_high > high


def test_undoing_a_near_camera_shortens_the_face(mesh: np.ndarray) -> None:
    near = perspective.undo(mesh[None], 350.0)[0]
    before, after = measurements.measure(mesh)["length_to_width"], measurements.measure(near)["length_to_width"]
    assert 0.90 * before < after < 0.98 * before
    assert perspective.nearness(near) < perspective.nearness(mesh)
    assert perspective.undo(mesh[None], 2000.0)[0] is not None
    np.testing.assert_array_equal(perspective.undo(mesh[None], 2000.0)[0], mesh)


def test_importing_the_reader_loads_nothing_heavy() -> None:
    code = (
        "import sys; import recommendations.engine.reader, recommendations.engine.quality, recommendations.engine.face_shape\n"
        "heavy = [m for m in ('mediapipe', 'torch', 'cv2', 'onnxruntime') if m in sys.modules]; assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]


def test_detection_writes_nothing_to_the_log(face_photo: np.ndarray) -> None:
    code = (
        "from skimage import data; from recommendations.engine.reader import read_face, warm\n"
        "warm(); read_face(data.astronaut()); read_face(data.astronaut()[:300])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout == ""
    assert "W0000" not in result.stderr
    assert "INFO" not in result.stderr
