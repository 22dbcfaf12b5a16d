# SPDX-License-Identifier: Apache-2.0
"""A mobile telephone company that concludes contracts by signature: no photograph, no copy of a document, no visit.

The person signs the contract itself with the signing certificate of a card or phone.  The shop verifies it, learns the
four attributes from the certificate, and keeps the evidence sealed, so that anybody with the authority's certificate
can verify it again, offline, when it is disputed.
"""
