"""Who a member is: cases and sealed documents."""
