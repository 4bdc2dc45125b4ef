"""ministack as a program, without alarm evaluation and without expiry of metric points.

By default it evaluates every alarm and point with each new point, and there are thousands of them after some
hundred tests.
"""

from __future__ import annotations

import runpy

from ministack.services import cloudwatch

cloudwatch._evict_old_metrics = cloudwatch._evaluate_all_alarms = lambda: None
runpy.run_module("ministack", run_name="__main__")
