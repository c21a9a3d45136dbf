"""HTTP machinery shared by every resource."""
