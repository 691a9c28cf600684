"""One build directory and one build of its simulators for all tests of a session."""

import pytest

from tests.sim.design import make_vectors, write_design


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Return a folder whose cache of simulators every test shares."""
    return write_design(tmp_path_factory.mktemp("design"), make_vectors(8))
