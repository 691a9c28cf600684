"""Integer graph + board → schedule and design, with the reasons for them."""

from compiler.scheduler.plan import Plan
from compiler.scheduler.search import Scheduler

__all__ = ["Plan", "Scheduler"]
