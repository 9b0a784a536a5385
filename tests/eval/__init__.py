"""How well the right section is found: `make eval`. Figures are printed and never asserted."""
