import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.imagery.conftest import RasterMaker, texture


def run(path: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "icssn.imagery.inspect_child", str(path), "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_facts_are_printed_as_one_json_object(make_raster: RasterMaker) -> None:
    assert list(run(make_raster(texture(1, 20, 20)))) == ["facts"]


def test_a_refusal_is_printed_in_its_parts(tmp_path: Path) -> None:
    assert run(tmp_path / "absent.tif")["refused"] == {
        "name": "absent.tif",
        "found": f"there is no file {tmp_path / 'absent.tif'}",
        "needed": "an existing GeoTIFF",
        "remedy": "Check the path; it is seen from the machine on which ICSSN runs.",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource limits of this kind")
def test_the_process_can_neither_write_files_nor_take_all_memory() -> None:
    code = (
        "import resource, icssn.imagery.inspect_child as child; child._bound(5);"
        "print([resource.getrlimit(limit)[0] for limit in"
        " (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [3 << 30, 5, 0, 0]
