"""What takes long or asks a vendor, wanted at a page or through the API: remembered, then done by whoever is free."""
