"""Placet permission."""
