"""Records of the archive's services for the registries of the VO."""
