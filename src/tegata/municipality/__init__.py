# SPDX-License-Identifier: Apache-2.0
"""The municipalities: the register of residents, what happens to them, the cards they collect and the documents they
ask for.

One service plays every town hall of the country; each resident belongs to one municipality by its code.
`Municipality.open` makes it, `http.create_app` puts it on the wire.
"""
