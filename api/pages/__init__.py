"""The pages that customers open: plain HTML in their language, without scripts, cookies or anything that follows."""
