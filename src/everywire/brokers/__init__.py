"""Carriers of publications, history and presence between nodes, one file each."""
