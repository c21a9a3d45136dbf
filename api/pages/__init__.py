"""Public pages for customers, and the printed recovery log: plain HTML without scripts, cookies and tracking."""
