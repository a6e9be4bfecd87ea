"""The page for everybody about rounds, pools and rewards: plain files, served under /rounds."""
