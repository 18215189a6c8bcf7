"""``rtmw serve``: a service and a page (the extra ``serve``)."""
