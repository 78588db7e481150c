"""The service: HTTP in the forms that other programs know, over workers that hold the models."""
