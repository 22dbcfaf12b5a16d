# SPDX-License-Identifier: Apache-2.0
"""The command `tegata`: thin commands with manners.

`main` picks a command and imports only that one; `manners` is how all of them speak: errors with a next step,
`--json`, two languages, progress on a terminal.
"""
