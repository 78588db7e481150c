"""What is wrong with a machine for running models, and the commands that mend it. Nothing here changes anything."""

from autoglm_lite.doctor.checks import diagnose
from autoglm_lite.doctor.finding import SEVERITIES, Finding, Severity

__all__ = ["SEVERITIES", "Finding", "Severity", "diagnose"]
