"""Choices, ids and neighbours of every search space: plain data that the workflow and the networks share."""
