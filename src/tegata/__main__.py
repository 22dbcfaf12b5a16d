# SPDX-License-Identifier: Apache-2.0
"""`python -m tegata` is the command `tegata`."""

import sys

from tegata.cli.main import main

sys.exit(main())
