"""Tools for trying the exchange: workload, faults, auditors. They may see everything."""
