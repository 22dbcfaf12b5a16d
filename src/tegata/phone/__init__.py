# SPDX-License-Identifier: Apache-2.0
"""The phone in a person's hand, in software.

A phone is hardware and an app.  `device` is the hardware: a secure element (the card engine in its `gpse` profile), a
hardware keystore (`keystore`), a screen lock with fingerprints (`lock`), a contactless antenna; `image` is all that it
remembers without power.  `app` is the app with which its owner applies, signs and signs in; `journal` is what the app
remembers across a crash.
"""
