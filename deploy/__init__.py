"""What runs it: the local broker and cache, and how they are scraped."""
