"""``icssn export inventory``: the folder holds what the answer names; a language that is none is refused."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Icssn


def test_an_inventory_is_written_by_the_command_line(icssn: Icssn, raster: Path, slides: Path, tmp_path: Path) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    icssn("labels", "import", slides, "--scene", "hill")
    out = tmp_path / "out"
    status, answer = icssn("export", "inventory", "--scene", "hill", "--out", out, "--language", "zh")
    assert status == 0
    assert {Path(file) for file in answer["files"]} == {path for path in out.rglob("*") if path.is_file()}
    assert "滑坡" in (out / "sheets" / "0001.html").read_text(encoding="utf-8")
    assert icssn("export", "inventory", "--scene", "hill", "--out", out, "--language", "fr")[0] == 2
    assert icssn("export", "inventory", "--scene", "nowhere", "--out", out)[0] == 1
    status, answer = icssn("export", "inventory", "--scene", "hill", "--out", raster)
    assert (status, answer["error"]) == (
        1,
        f"'{raster}' cannot be written to: a file stands in the place of a folder. Choose another place.",
    )
