"""One suite over models, prompts and parameters: quality against cost against speed."""
