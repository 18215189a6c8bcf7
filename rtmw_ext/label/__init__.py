"""``rtmw label``: people in millions of images, as Parquet (the extra ``label``)."""
