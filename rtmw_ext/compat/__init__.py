"""Work-arounds for other packages' versions, and which of them are needed."""
