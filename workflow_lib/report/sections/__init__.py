"""Sections of the report: every module here declares one. See `report.declaration.SectionDeclaration`."""
