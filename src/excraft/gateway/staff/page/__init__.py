"""The page for staff: plain files, served under /staff."""
