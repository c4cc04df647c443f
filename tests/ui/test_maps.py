"""The map is built offline, and no text can break out of its script."""

from __future__ import annotations

from icssn.records import Scene
from icssn.ui import label_map, palette
from icssn.ui import map as maps


def test_a_map_asks_no_other_host_for_anything() -> None:
    canvas = maps._parts()["Map"](center=[35, 105], zoom=14, tiles=None, fullscreen_control=False)
    links = [url for _, url in (*canvas.default_js, *canvas.default_css)]
    assert links
    assert not [url for url in links if "http" in url]


def test_text_cannot_end_the_script_or_open_a_template() -> None:
    written = maps._json({"name": "</script><script>alert(1)</script>", "look": "{{ 'map' }}"})
    assert "<" not in written
    assert "{{" not in written


def test_the_native_zoom_is_that_of_the_scenes_pixels(scene: Scene) -> None:
    assert maps.native_zoom(scene) == 17  # 1 m at 34° N: 2π·6378137 m·cos 34° / 256 / 2^17 = .99 m


def test_the_colours_of_probability_run_from_dark_to_light() -> None:
    ramp = palette.probability_ramp()
    lightness = [sum(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in ramp]
    assert len(ramp) == 9
    assert lightness == sorted(lightness)


def test_what_the_editor_draws_is_told_apart_by_line_alone() -> None:
    outlines = [style for _, style in label_map.LEGEND if not palette.STYLES[style].get("round")]
    lines = [palette.STYLES[style].get("dashArray") for style in outlines]
    assert len(set(lines)) == len(lines) == 5
