"""What this machine is and how much of it this process may use."""

from autoglm_lite.hardware.machine import Machine, read_machine
from autoglm_lite.hardware.process import process_memory

__all__ = ["Machine", "process_memory", "read_machine"]
