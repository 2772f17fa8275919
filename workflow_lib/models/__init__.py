"""Torch modules of networks by id, supernets, and their costs."""
