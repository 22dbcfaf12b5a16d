# SPDX-License-Identifier: Apache-2.0
"""証明書交付センター, the delivery centre: who is asking, which municipality answers, and is the document hers?"""
