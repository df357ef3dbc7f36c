"""pytest: the gate as a test. Its scenarios are those of tidemark.gate."""
import subprocess


def test_memory(tmp_path):
    gate = subprocess.run(["tidemark", "gate", "--output", str(tmp_path)], capture_output=True, text=True)
    assert gate.returncode == 0, gate.stdout + gate.stderr
