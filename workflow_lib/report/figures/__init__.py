"""Figures: one module each, found by its place. See `report.declaration.FigureDeclaration`."""
