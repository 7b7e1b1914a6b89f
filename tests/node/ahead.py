"""Run a module with the clock on the wall put forward: `python ahead.py SECONDS MODULE ARGUMENT...`.

What is renewed after minutes is then due at once, while server and kubelet keep the right time.
"""

import runpy
import sys
import time

if __name__ == "__main__":
    seconds, module = float(sys.argv[1]), sys.argv[2]
    right = time.time
    time.time = lambda: right() + seconds
    sys.argv = [module, *sys.argv[3:]]
    sys.path.insert(0, "")
    runpy.run_module(module, run_name="__main__", alter_sys=True)
