"""Bridges to the implementations of other libraries."""
