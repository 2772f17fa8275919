"""Figures of the report: every module here declares one. See `report.declaration.FigureDeclaration`."""
