"""Drawing functions: tables in, matplotlib figures out. Declarations of figures are in `report.figures`."""
