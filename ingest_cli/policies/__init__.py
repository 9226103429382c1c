"""Decisions, one per file: when to send again, what to do with a refused batch, where rejects go, which rows count.

Policies on writing wrap a sink and are sinks themselves, so that they can be put around each other.
"""
