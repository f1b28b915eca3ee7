"""Speed and memory against a hand-written script that does the same without safety, in the same run."""
