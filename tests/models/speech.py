"""Where the recordings are, for tests that need them."""

from pathlib import Path

import pytest

__all__ = ["DATA", "needs_recordings"]

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

needs_recordings = pytest.mark.skipif(
    not (DATA / "gsc12_devtest.npz").exists(),
    reason=f"the recorded speech is missing: {DATA / 'gsc12_devtest.npz'}",
)
