# SPDX-License-Identifier: Apache-2.0
"""The service that puts electronic certificates into phones (スマホ用電子証明書搭載サービス).

A person applies on the phone, the My Number Card signs the application, the service relays the commands that make the
phone's secure element generate its own keys, the authority certifies them, and the certificates are installed.
`rules` holds the whole life of an application in one table; `service` the use cases; `scripts` what is sent to a
secure element (the trusted service manager's part); `http` the wire.
"""
