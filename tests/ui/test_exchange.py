"""What a column of a file can become, as a reader chooses it."""

from __future__ import annotations

import pytest

from icssn import landslide_record
from icssn.ui import wording
from icssn.ui.exchange import field_names


@pytest.mark.parametrize("language", sorted(wording.LANGUAGES))
def test_every_choice_has_a_name_of_its_own(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": language})
    names = field_names()
    assert len(set(names.values())) == len(names)
    assert {None, "", "confidence", "notes", "mapper"} <= set(names)
    measured = {field.key for field in landslide_record.fields().values() if field.origin == "measured"}
    assert not measured & set(names)
