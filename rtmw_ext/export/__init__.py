"""Models as files for other runtimes. The table of formats (``formats``) needs no
torch; writing them does. See docs/deploy.md."""
