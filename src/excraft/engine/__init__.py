"""From what arrives to what is acknowledged: records, their order, their effects, their restart."""
