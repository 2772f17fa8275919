"""Choices, ids and neighbours of every search space: plain data, shared by the workflow and the networks."""
