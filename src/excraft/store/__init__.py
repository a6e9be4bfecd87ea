"""SQL: history of orders, fills and money, members and API keys. SQLite, or PostgreSQL by URL."""
