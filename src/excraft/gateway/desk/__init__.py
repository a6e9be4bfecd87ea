"""The page for members: plain files, served under /desk."""
