"""``icssn dataset import``: a public set becomes ordinary scenes."""

from __future__ import annotations

from pathlib import Path

import rasterio

from tests.cli.conftest import Icssn
from tests.datasets import lookalikes


def test_a_public_set_becomes_scenes_with_labels_and_truth(icssn: Icssn, tmp_path: Path) -> None:
    folder = lookalikes.hrgldd(tmp_path / "hrgldd")
    status, made = icssn("dataset", "import", "hr-gldd", folder, "--name", "planet", "--samples", 2)
    assert status == 0
    assert [(scene["name"], scene["samples"]) for scene in made["scenes"]] == [("planet train", 2), ("planet test", 2)]
    for scene in made["scenes"]:
        shown = icssn("scene", "show", scene["name"])[1]
        assert shown["landslides"] == scene["landslides"] == 2
        assert shown["scene"]["tiles"]  # the map layer was made
        labels = icssn("labels", "list", "--scene", scene["name"])[1]["labels"]
        assert sorted(label["cls"] for label in labels) == ["label_area", "landslide", "landslide"]
        with rasterio.open(scene["truth"]) as truth:
            assert truth.shape == (shown["scene"]["facts"]["height"], shown["scene"]["facts"]["width"])
    status, answer = icssn("dataset", "import", "hr-gldd", folder, "--name", "planet")
    assert status == 1
    assert "already a scene 'planet" in answer["error"]


def test_what_cannot_be_read_is_refused_before_anything_starts(icssn: Icssn, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, found in (
        (("bijie", tmp_path / "empty"), "no samples were found"),
        (("bijou", tmp_path / "empty"), "no public set 'bijou'"),
        (("bijie", lookalikes.bijie(tmp_path / "b"), "--samples", 0), "'samples' is 0"),
    ):
        status, answer = icssn("dataset", "import", *words)
        assert status == 1
        assert found in answer["error"]
    assert icssn("scene", "list")[1]["scenes"] == []
