"""Models as files for other runtimes; needs torch. See docs/deploy.md."""
