"""Sections: one module each, found by its place. See `report.declaration.SectionDeclaration`."""
