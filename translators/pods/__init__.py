"""Pods, and the Secrets with their service-account tokens.

The tenant's scheduler decides where a pod runs, the host pod is made for that node and pinned to it. From then on they share their fate.
"""

from __future__ import annotations

from translators.pods.record import PODS
from translators.pods.tokens import POD_TOKENS

__all__ = ["PODS", "POD_TOKENS"]
