"""Who may use the exchange: members, their API keys, and the signatures made with them."""
