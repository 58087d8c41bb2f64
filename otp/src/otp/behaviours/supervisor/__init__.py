"""Supervisors: static, dynamic and partitioned, and how they start, stop and restart children."""
