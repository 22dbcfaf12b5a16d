# SPDX-License-Identifier: Apache-2.0
"""Screens for people: the country at a glance, phones, the shop, the tax office, the kiosk, the counter of a town hall.

Pages are made on the server and work without JavaScript, in Japanese and English.  They have no rules of their own:
whatever a button does is an HTTP call to an API that anybody may call, and what that refuses is shown in its words.
"""

from tegata.web.app import create_app

__all__ = ["create_app"]
