"""Who suggests styles besides the stylist's rules: a model that sees the photo. What it says is checked, never trusted."""
