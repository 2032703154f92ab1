"""Train the models that come with sknemg, on simulated patients alone."""
