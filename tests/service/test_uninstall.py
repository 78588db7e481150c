"""What is left of the service when it rests, and when it is taken away."""

from __future__ import annotations

from autoglm_lite.service.state import held
from tests.service.manager import Manager, installed


def test_an_idle_model_gives_its_memory_back_and_uninstall_leaves_no_file(manager: Manager) -> None:
    with installed(manager, "--idle-unload", "0.5") as service:
        assert service.ask().status_code == 200
        manager.until(lambda: not manager.workers)
        assert service.http.get("/health").status_code == 200
        assert held(int(manager.value("MainPID"))) < 60_000_000
    # What models have read is kept for all programs, and cleared by `autoglm-lite cache clear`.
    assert not {path for path in manager.files() if "states" not in path.parts}
    assert not manager.units()
    assert manager.value("LoadState") == "not-found"
