"""Cohort folders: how data enters outside a hospital, written and read."""
