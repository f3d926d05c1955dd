"""Two sides against each other: pairs of launches of one run, or two recorded runs."""
