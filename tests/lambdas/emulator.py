"""ministack, as a program, that neither judges alarms nor forgets points.

Left to itself it looks at every alarm and point that there ever were with each call that brings a point, and
thousands are there after some hundred tests.
"""

from __future__ import annotations

import runpy

from ministack.services import cloudwatch

cloudwatch._evict_old_metrics = cloudwatch._evaluate_all_alarms = lambda: None
runpy.run_module("ministack", run_name="__main__")
