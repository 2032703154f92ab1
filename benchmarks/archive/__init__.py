"""How fast an archive is diagnosed, in how much memory, and where the time goes."""
