"""One encoder a file: from tokens, tiles, sequences or gene values to a modality embedding."""
