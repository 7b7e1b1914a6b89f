"""`python -m syncer`: the same as `kled-syncer`."""

from syncer.cli import main

main()
