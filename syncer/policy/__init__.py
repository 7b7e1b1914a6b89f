"""What may cross the boundary: pure functions over the final host object.

`violations` answers for pods. It combines the Pod Security Standards (`pod_security`, with the checks in `baseline` and `restricted`) with what
no level covers (`volumes`, `host_access`, `placement`). `docs/policy.md` has the whole table.
"""

from syncer.policy.evaluate import violations
from syncer.policy.findings import Violation
from syncer.policy.lent import Lent

__all__ = ["Lent", "Violation", "violations"]
