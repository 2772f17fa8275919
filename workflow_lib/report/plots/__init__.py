"""Functions that draw tables as matplotlib figures. The figures are declared in `report.figures`."""
