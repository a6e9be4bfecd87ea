"""One EVM node over JSON-RPC, and a local one to try things on."""
